"""What the page's calculator starts with: the hold time of this run taken apart into its causes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports import labels
from reports.stats.littles_law import statements_per_loan
from reports.verdict import CellFigures, Curve


@dataclass(frozen=True)
class Preset:
    """One strategy as measured here: hold time of a loan = round trip × statements + work.

    A loan is one hold of one connection; with coalesce it serves several pushes. How many, grows with load
    and hold time: the fewer of the two that were measured are taken, which gives rather more connections.
    """

    name: str
    statements: float  # round trips per loan
    work_ms: float  # what a loan costs in the database without any network
    pushes_per_loan: float
    pushes_per_s: float  # at the recommended pool


DEFAULT = Preset("example", statements=2, work_ms=1.0, pushes_per_loan=1, pushes_per_s=1_000)


def presets(curves: Sequence[Curve]) -> tuple[Preset, ...]:
    """One for each pair of curves that differ in their round trip alone; `DEFAULT` where there is none."""
    return tuple(_measured(curves)) or (DEFAULT,)


def _measured(curves: Sequence[Curve]) -> Iterator[Preset]:
    names = labels.varying(curve.factors for curve in curves)
    by_name: dict[str, list[Curve]] = {}
    for curve in curves:
        by_name.setdefault(labels.series(curve.factors, names), []).append(curve)
    for name, same in by_name.items():
        near, far = same[0], same[-1]
        rtt_near, rtt_far = near.db_rtt_measured_ms, far.db_rtt_measured_ms
        pair = _smallest_common(near, far)
        if rtt_near is None or rtt_far is None or pair is None:
            continue
        lent_near, lent_far = pair[0].loans, pair[1].loans
        if lent_near is None or lent_far is None:
            continue
        statements = statements_per_loan(lent_far.hold_ms, lent_near.hold_ms, rtt_far - rtt_near)
        if statements is not None:
            work_ms = max(0.0, lent_near.hold_ms - statements * rtt_near)
            each = _pushes_per_loan(near.factors.strategy, min(lent_near.requests, lent_far.requests))
            yield Preset(name, statements, work_ms, each, (_at_knee(near) or pair[0]).pushes_per_s)


def _pushes_per_loan(strategy: str | None, measured: float) -> float:
    """1 where every push borrows for itself: what was measured differs by the edges of the window."""
    return 1.0 if strategy in labels.ONE_PUSH_A_LOAN else measured


def _at_knee(curve: Curve) -> CellFigures | None:
    return None if curve.knee is None else curve.at(curve.knee.pool)


def _smallest_common(near: Curve, far: Curve) -> tuple[CellFigures, CellFigures] | None:
    """Both curves' figures at the smallest pool that they share: least queueing inside the database."""
    for seen in near.cells:
        other = far.at(seen.cell.pool) if seen.cell.pool is not None else None
        if other is not None:
            return seen, other
    return None
