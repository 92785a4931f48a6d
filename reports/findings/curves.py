"""Capacity: cells, curves, knees and gains of the closed-loop parts.

One block model for each part: within a part blocks are complete and shuffled, so any two of its cells
may be compared. Open-loop trials have the throughput they were offered and say nothing here. A cell with
a trial that acknowledged nothing has no logarithm: it stays out of the model and is listed as silent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

import msgspec

from loadtests.results import Cell, Trial
from reports.dataset import timeouts_of
from reports.findings import cells
from reports.findings.cells import without_pool
from reports.runs import Run, direct_rtt_ms
from reports.stats import knee
from reports.stats.block_model import BlockModel, Observation, fit
from reports.verdict import CellFigures, Curve, FactorGain, Limit, PoolStep, SilentCell


@dataclass(frozen=True)
class Part:
    """The valid closed-loop trials of one part of all runs, without silent cells, and their model."""

    name: str
    trials: tuple[tuple[str, Trial], ...]  # (run, trial)
    model: BlockModel[Cell]
    direct_rtt_ms: float | None = None  # see `reports.runs`

    def of(self, cell: Cell) -> list[Trial]:
        """The trials of one cell."""
        return [trial for _, trial in self.trials if trial.cell == cell]


def parts(runs: Sequence[Run]) -> tuple[Part, ...]:
    """Group by part and fit; parts without a usable trial are left out."""
    left_out = {(found.part, found.cell) for found in silent(runs)}
    members: dict[str, list[tuple[str, Trial]]] = {}
    for run in runs:
        for (part, cell), trials in cells.grouped([run], "closed").items():
            if (part, cell) not in left_out:
                members.setdefault(part, []).extend((run.name, trial) for trial in trials)
    near_ms = direct_rtt_ms(runs)
    return tuple(Part(name, tuple(found), _fit(found), near_ms) for name, found in members.items())


def silent(runs: Sequence[Run]) -> tuple[SilentCell, ...]:
    """The closed-loop cells of which some valid trial acknowledged nothing at all."""
    near_ms = direct_rtt_ms(runs)
    found = [
        SilentCell(part, cell, nothing, len(trials), near_ms)
        for (part, cell), trials in cells.grouped(runs, "closed").items()
        if (nothing := sum(trial.load.messages_acknowledged == 0 for trial in trials))
    ]
    return tuple(sorted(found, key=lambda seen: (seen.part, cells.order(seen.cell))))


def curves(part: Part, limits: dict[Cell, Limit]) -> tuple[Curve, ...]:
    """The curves of a part, by round trip, then strategy."""
    found: dict[Cell, dict[int, Cell]] = {}
    for cell in part.model.cells:
        if cell.pool is not None:
            found.setdefault(without_pool(cell), {})[cell.pool] = cell
    ordered = sorted(found, key=cells.order)
    return tuple(_curve(part, factors, dict(sorted(found[factors].items())), limits) for factors in ordered)


def gains(part: Part, found: Sequence[Curve]) -> Iterator[FactorGain]:
    """For each pair of curves that differ in one factor: the later value over the first one.

    The pool is the first curve's knee where both have it, else the largest that they share.
    """
    for second in found:
        for first in found:
            factors = cells.differing(first.factors, second.factors)
            if len(factors) != 1 or cells.order(first.factors) >= cells.order(second.factors):
                continue
            pool = _common_pool(first, second)
            if pool is None:
                continue
            of = msgspec.structs.replace(second.factors, pool=pool)
            over = msgspec.structs.replace(first.factors, pool=pool)
            ratio = part.model.ratio(of, over)
            if ratio is not None:
                yield FactorGain(
                    factor=factors[0], of=of, over=over, ratio=ratio, direct_rtt_ms=part.direct_rtt_ms
                )


def _fit(members: Sequence[tuple[str, Trial]]) -> BlockModel[Cell]:
    return fit([Observation(t.cell, (run, t.block), t.load.throughput_msg_s) for run, t in members])


def _curve(part: Part, factors: Cell, pools: dict[int, Cell], limits: dict[Cell, Limit]) -> Curve:
    figures = tuple(_figures(part, cell, limits.get(cell, Limit.UNCLEAR)) for cell in pools.values())
    steps = (
        PoolStep(low, high, ratio)
        for low, high in pairwise(pools)
        if (ratio := part.model.ratio(pools[high], pools[low])) is not None
    )
    recommended = knee.find(part.model, pools)
    at_knee = next((seen for seen in figures if recommended and seen.cell.pool == recommended.pool), None)
    round_trips = [
        trial.machine.db_rtt_measured_ms
        for cell in pools.values()
        for trial in part.of(cell)
        if trial.machine is not None and trial.machine.db_rtt_measured_ms is not None
    ]
    return Curve(
        part=part.name,
        factors=factors,
        cells=figures,
        steps=tuple(steps),
        knee=recommended,
        loans=at_knee.loans if at_knee is not None else None,
        db_rtt_measured_ms=median(round_trips) if round_trips else None,
        direct_rtt_ms=part.direct_rtt_ms,
    )


def _figures(part: Part, cell: Cell, limit: Limit) -> CellFigures:
    trials = part.of(cell)
    level = part.model.level(cell)
    plain = fmean(trial.load.throughput_msg_s for trial in trials)
    throughput, interval = level if level is not None else (plain, None)
    return CellFigures(
        cell=cell,
        trials=len(trials),
        throughput=throughput,
        interval=interval,
        pushes_per_s=cells.pushes_per_s(trials),
        loans=cells.loans(trials),
        waiting=cells.waiting(trials),
        boarding=cells.boarding(trials),
        timeouts=sum(timeouts_of(trial) for trial in trials),
        limit=limit,
    )


def _common_pool(first: Curve, second: Curve) -> int | None:
    common = {seen.cell.pool for seen in first.cells} & {seen.cell.pool for seen in second.cells}
    pools = {pool for pool in common if pool is not None}
    if first.knee is not None and first.knee.pool in pools:
        return first.knee.pool
    return max(pools, default=None)
