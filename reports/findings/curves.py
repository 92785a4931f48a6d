"""Capacity: cells, curves, knees and gains of the closed-loop parts.

One block model for each part: within a part blocks are complete and shuffled, so any two of its cells
may be compared. Open-loop trials have the throughput they were offered and say nothing here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

import msgspec

from loadtests.results import Cell, Trial
from reports.dataset import timeouts_of
from reports.labels import strategy_place
from reports.runs import Run
from reports.stats import knee, littles_law, usl
from reports.stats.block_model import BlockModel, Observation, fit
from reports.verdict import CellFigures, Curve, FactorGain, Limit, PoolStep


@dataclass(frozen=True)
class Part:
    """The valid closed-loop trials of one part of all runs, and their model."""

    name: str
    trials: tuple[tuple[str, Trial], ...]  # (run, trial)
    model: BlockModel[Cell]

    def of(self, cell: Cell) -> list[Trial]:
        """The trials of one cell."""
        return [trial for _, trial in self.trials if trial.cell == cell]


def parts(runs: Iterable[Run]) -> tuple[Part, ...]:
    """Group by part and fit; parts without a usable trial are left out."""
    grouped: dict[str, list[tuple[str, Trial]]] = {}
    for run in runs:
        for trial in run.trials:
            if trial.valid and trial.cell.loop == "closed" and trial.load.throughput_msg_s > 0:
                grouped.setdefault(trial.part, []).append((run.name, trial))
    return tuple(Part(name, tuple(members), _fit(members)) for name, members in grouped.items())


def curves(part: Part, limits: dict[Cell, Limit]) -> tuple[Curve, ...]:
    """The curves of a part, by round trip, then strategy."""
    found: dict[Cell, dict[int, Cell]] = {}
    for cell in part.model.cells:
        if cell.pool is not None:
            found.setdefault(without_pool(cell), {})[cell.pool] = cell
    ordered = sorted(found, key=factor_order)
    return tuple(_curve(part, factors, dict(sorted(found[factors].items())), limits) for factors in ordered)


def gains(part: Part, found: Sequence[Curve]) -> Iterator[FactorGain]:
    """For each pair of curves that differ in one factor: the later value over the first one.

    The pool is the first curve's knee where both have it, else the largest that they share.
    """
    for second in found:
        for first in found:
            factor = _only_difference(first.factors, second.factors)
            if factor is None or factor_order(first.factors) >= factor_order(second.factors):
                continue
            pool = _common_pool(first, second)
            if pool is None:
                continue
            of = msgspec.structs.replace(second.factors, pool=pool)
            over = msgspec.structs.replace(first.factors, pool=pool)
            ratio = part.model.ratio(of, over)
            if ratio is not None:
                yield FactorGain(factor=factor, of=of, over=over, ratio=ratio)


def without_pool(cell: Cell) -> Cell:
    """What a curve holds constant."""
    return msgspec.structs.replace(cell, pool=None)


def factor_order(cell: Cell) -> tuple[float, int, str]:
    """Sorting key: round trip, then strategy as the guide tells them, then the rest as text."""
    return cell.db_rtt_ms, strategy_place(cell.strategy), repr(cell)


def _fit(members: Sequence[tuple[str, Trial]]) -> BlockModel[Cell]:
    return fit([Observation(t.cell, (run, t.block), t.load.throughput_msg_s) for run, t in members])


def _curve(part: Part, factors: Cell, pools: dict[int, Cell], limits: dict[Cell, Limit]) -> Curve:
    cells = tuple(_figures(part, cell, limits.get(cell, Limit.UNCLEAR)) for cell in pools.values())
    steps = (
        PoolStep(low, high, ratio)
        for low, high in pairwise(pools)
        if (ratio := part.model.ratio(pools[high], pools[low])) is not None
    )
    recommended = knee.find(part.model, pools)
    at_knee = next((seen for seen in cells if recommended and seen.cell.pool == recommended.pool), None)
    need = None
    if at_knee is not None and at_knee.hold_ms is not None:
        need = littles_law.need(at_knee.pushes_per_s, at_knee.hold_ms, at_knee.busy)
    round_trips = [
        trial.machine.db_rtt_measured_ms
        for cell in pools.values()
        for trial in part.of(cell)
        if trial.machine is not None and trial.machine.db_rtt_measured_ms is not None
    ]
    return Curve(
        part=part.name,
        factors=factors,
        cells=cells,
        steps=tuple(steps),
        knee=recommended,
        scalability=usl.fit(part.model, pools),
        need=need,
        db_rtt_measured_ms=median(round_trips) if round_trips else None,
    )


def _figures(part: Part, cell: Cell, limit: Limit) -> CellFigures:
    trials = part.of(cell)
    level = part.model.level(cell)
    plain = fmean(trial.load.throughput_msg_s for trial in trials)
    throughput, interval = level if level is not None else (plain, None)
    pools = [trial.pool for trial in trials if trial.pool is not None]
    acquires = sum(pool.acquires for pool in pools)
    return CellFigures(
        cell=cell,
        trials=len(trials),
        throughput=throughput,
        interval=interval,
        pushes_per_s=fmean(trial.load.requests_ok / trial.load.measured_s for trial in trials),
        hold_ms=sum(pool.hold_mean_ms * pool.acquires for pool in pools) / acquires if acquires else None,
        busy=fmean(pool.busy_mean for pool in pools) if pools else None,
        waiting=fmean(pool.waiting_mean for pool in pools) if pools else None,
        timeouts=sum(timeouts_of(trial) for trial in trials),
        limit=limit,
    )


def _only_difference(first: Cell, second: Cell) -> str | None:
    differing = [name for name in Cell.__struct_fields__ if getattr(first, name) != getattr(second, name)]
    return differing[0] if len(differing) == 1 else None


def _common_pool(first: Curve, second: Curve) -> int | None:
    common = {seen.cell.pool for seen in first.cells} & {seen.cell.pool for seen in second.cells}
    pools = {pool for pool in common if pool is not None}
    if first.knee is not None and first.knee.pool in pools:
        return first.knee.pool
    return max(pools, default=None)
