"""Open-loop cells: what was offered, what was served, and the connections that this took."""

from collections.abc import Iterable
from statistics import fmean

from loadtests.results import Cell, Trial
from reports.dataset import timeouts_of
from reports.findings.curves import factor_order, without_pool
from reports.runs import Run
from reports.stats.littles_law import Need, need
from reports.verdict import OfferedLoad


def loads(runs: Iterable[Run]) -> tuple[OfferedLoad, ...]:
    """One for each open-loop cell with a valid trial, by part, round trip, strategy and pool."""
    grouped: dict[tuple[str, Cell], list[Trial]] = {}
    for run in runs:
        for trial in run.trials:
            if trial.valid and trial.cell.loop == "open":
                grouped.setdefault((trial.part, trial.cell), []).append(trial)
    found = (_load(part, cell, trials) for (part, cell), trials in grouped.items())
    return tuple(sorted(found, key=lambda load: (load.part, *_order(load.cell))))


def _load(part: str, cell: Cell, trials: list[Trial]) -> OfferedLoad:
    return OfferedLoad(
        part=part,
        cell=cell,
        trials=len(trials),
        throughput=fmean(trial.load.throughput_msg_s for trial in trials),
        missed=sum(trial.load.requests_missed for trial in trials),
        timeouts=sum(timeouts_of(trial) for trial in trials),
        need=_need(trials),
    )


def _need(trials: list[Trial]) -> Need | None:
    pools = [trial.pool for trial in trials if trial.pool is not None]
    acquires = sum(pool.acquires for pool in pools)
    if not acquires:
        return None
    pushes_per_s = fmean(trial.load.requests_ok / trial.load.measured_s for trial in trials)
    hold_ms = sum(pool.hold_mean_ms * pool.acquires for pool in pools) / acquires
    return need(pushes_per_s, hold_ms, fmean(pool.busy_mean for pool in pools))


def _order(cell: Cell) -> tuple[tuple[float, int, str], int]:
    return factor_order(without_pool(cell)), cell.pool or 0
