"""Open-loop cells: what was offered, what was served, and the connections that this took."""

from collections.abc import Sequence
from statistics import fmean

from loadtests.results import Cell, Trial
from reports.dataset import timeouts_of
from reports.findings import cells
from reports.runs import Run, direct_rtt_ms
from reports.verdict import OfferedLoad


def loads(runs: Sequence[Run]) -> tuple[OfferedLoad, ...]:
    """One for each open-loop cell with a valid trial, by part, round trip, strategy and pool."""
    near_ms = direct_rtt_ms(runs)
    members = cells.grouped(runs, "open").items()
    found = (_load(part, cell, trials, near_ms) for (part, cell), trials in members)
    return tuple(sorted(found, key=lambda load: (load.part, cells.order(load.cell))))


def _load(part: str, cell: Cell, trials: Sequence[Trial], near_ms: float | None) -> OfferedLoad:
    return OfferedLoad(
        part=part,
        cell=cell,
        trials=len(trials),
        throughput=fmean(trial.load.throughput_msg_s for trial in trials),
        missed=sum(trial.load.requests_missed for trial in trials),
        held=sum(trial.load.requests_held for trial in trials),
        timeouts=sum(timeouts_of(trial) for trial in trials),
        loans=cells.loans(trials),
        direct_rtt_ms=near_ms,
    )
