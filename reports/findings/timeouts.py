"""Time-outs of the pool: counted where they were seen, never extrapolated."""

from collections.abc import Iterable

from loadtests.results import Cell, Trial
from reports.dataset import timeout_errors, timeouts_of, too_early
from reports.findings import cells
from reports.runs import Run
from reports.verdict import TimeoutCount


def count(runs: Iterable[Run]) -> tuple[TimeoutCount, ...]:
    """Every cell of the parts in which a time-out was seen or due, or that offered an open-loop load."""
    counts = [_count(part, cell, trials) for (part, cell), trials in cells.grouped(runs).items()]
    telling = {seen.part for seen in counts if seen.requests or seen.too_early or seen.cell.loop == "open"}
    kept = [seen for seen in counts if seen.part in telling]
    return tuple(sorted(kept, key=lambda seen: (seen.cell.loop != "open", seen.part, cells.order(seen.cell))))


def _count(part: str, cell: Cell, trials: list[Trial]) -> TimeoutCount:
    texts = (error.text for trial in trials for error in timeout_errors(trial))
    return TimeoutCount(
        part=part,
        cell=cell,
        trials=len(trials),
        requests=sum(timeouts_of(trial) for trial in trials),
        sent=sum(trial.load.requests_sent for trial in trials),
        held=sum(trial.load.requests_held for trial in trials),
        due=sum(trial.load.requests_due for trial in trials),
        measured_s=sum(trial.load.measured_s for trial in trials),
        text=next(texts, ""),
        too_early=next((found for trial in trials if (found := too_early(trial)) is not None), None),
    )
