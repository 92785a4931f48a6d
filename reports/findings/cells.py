"""Trials by configuration: how findings group, order and compare cells, and what a cell's pool did."""

from collections.abc import Iterable, Sequence
from statistics import fmean

import msgspec

from loadtests.results import Cell, Loop, Trial
from reports.labels import strategy_place
from reports.runs import Run
from reports.stats.littles_law import connections_needed
from reports.verdict import Loans

Order = tuple[tuple[bool, float, str], ...]


def grouped(runs: Iterable[Run], loop: Loop | None = None) -> dict[tuple[str, Cell], list[Trial]]:
    """(part, cell) → its valid trials of all runs; of one kind of load where `loop` is given."""
    found: dict[tuple[str, Cell], list[Trial]] = {}
    for run in runs:
        for trial in run.trials:
            if trial.valid and loop in (None, trial.cell.loop):
                found.setdefault((trial.part, trial.cell), []).append(trial)
    return found


def without_pool(cell: Cell) -> Cell:
    """What a curve holds constant."""
    return msgspec.structs.replace(cell, pool=None)


def order(cell: Cell) -> Order:
    """Sorting key: round trip, strategy as the guide tells them, the other factors, pool last.

    Numbers sort as numbers, and what is not set comes first.
    """
    others = [name for name in Cell.__struct_fields__ if name not in ("db_rtt_ms", "pool")]
    values = (cell.db_rtt_ms, strategy_place(cell.strategy), *(getattr(cell, name) for name in others))
    return tuple(_key(value) for value in (*values, cell.pool))


def differing(first: Cell, second: Cell) -> tuple[str, ...]:
    """The factors that were chosen differently; a field that follows from another one is no factor.

    Partitions follow from the clients where both cells have one each, and a named shape fixes batch and
    interval.
    """
    names = [name for name in Cell.__struct_fields__ if getattr(first, name) != getattr(second, name)]
    derived: set[str] = set()
    if "clients" in names and all(cell.partitions == cell.clients for cell in (first, second)):
        derived.add("partitions")
    if "shape" in names and all(cell.shape != "custom" for cell in (first, second)):
        derived.update(("batch", "interval_ms"))
    return tuple(name for name in names if name not in derived)


def pushes_per_s(trials: Sequence[Trial]) -> float:
    """Acknowledged requests per second, as the clients counted them; mean of the trials."""
    return fmean(trial.load.requests_ok / trial.load.measured_s for trial in trials)


def busy(trials: Sequence[Trial]) -> float | None:
    """Connections in use, time average; None where the pool is not known."""
    known = [trial.pool.busy_mean for trial in trials if trial.pool is not None]
    return fmean(known) if known else None


def waiting(trials: Sequence[Trial]) -> float | None:
    """Who waits for a connection, time average; None where the pool is not known."""
    known = [trial.pool.waiting_mean for trial in trials if trial.pool is not None]
    return fmean(known) if known else None


def boarding(trials: Sequence[Trial]) -> float | None:
    """Requests that wait to share a call, time average; None where the server told nothing of them."""
    told = [trial.pool.boarding_mean for trial in trials if trial.pool is not None]
    known = [mean for mean in told if mean is not None]
    return fmean(known) if known else None


def loans(trials: Sequence[Trial]) -> Loans | None:
    """What the pool lent in these trials of one cell; None where it lent nothing or is not known.

    What a loan serves is counted over the same trials: those that know their pool.
    """
    known = [(trial.load, trial.pool) for trial in trials if trial.pool is not None]
    lent = sum(pool.acquires for _, pool in known)
    if not lent:
        return None
    per_s = lent / sum(load.measured_s for load, _ in known)
    hold_ms = sum(pool.hold_mean_ms * pool.acquires for _, pool in known) / lent
    return Loans(
        per_s=per_s,
        hold_ms=hold_ms,
        needed=connections_needed(per_s, hold_ms),
        busy=fmean(pool.busy_mean for _, pool in known),
        requests=sum(load.requests_ok for load, _ in known) / lent,
        messages=sum(load.messages_acknowledged for load, _ in known) / lent,
    )


def _key(value: str | float | None) -> tuple[bool, float, str]:
    if isinstance(value, str):
        return True, 0.0, value
    return value is not None, value or 0.0, ""
