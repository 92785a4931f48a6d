"""What the page's calculator starts with: the hold time of this run taken apart into its causes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from reports import labels
from reports.stats.littles_law import statements_per_loan
from reports.verdict import CellFigures, Curve


@dataclass(frozen=True)
class Measured:
    """One pool at one round trip: the load that it carried, and how long a loan lasted then."""

    rtt_ms: float
    pool: int
    pushes_per_s: float
    hold_ms: float


@dataclass(frozen=True)
class Preset:
    """One strategy as measured here: hold time of a loan = round trip × statements + work.

    The work is what the round trips leave of the hold time, in the database and in the queue for a CPU, so it
    grows with the load: no figure of its own, but that of the smallest measured pool that carried the load.

    A loan is one hold of one connection; with coalesce it serves several pushes. How many, grows with load
    and hold time: the fewer of the two that were measured are taken, which gives rather more connections.
    """

    name: str
    statements: float  # round trips per loan
    pushes_per_loan: float
    pushes_per_s: float  # that the calculator opens with: carried by one of `measured`, at its round trip
    rtt_ms: float  # that it opens with
    measured: tuple[Measured, ...] = ()  # by round trip, then pool; empty: this is an example
    work_ms: float | None = None  # of an example; None: as measured at the load

    @property
    def measured_json(self) -> str:
        """`measured`, for the page's script."""
        return msgspec.json.encode(self.measured).decode()


DEFAULT = Preset("example", statements=2, pushes_per_loan=1, pushes_per_s=1_000, rtt_ms=2, work_ms=1.0)


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
            yield Preset(
                name,
                statements=statements,
                pushes_per_loan=_pushes_per_loan(
                    near.factors.strategy, min(lent_near.requests, lent_far.requests)
                ),
                pushes_per_s=(_at_knee(far) or pair[1]).pushes_per_s,
                rtt_ms=rtt_far,
                measured=(*_by_pool(near, rtt_near), *_by_pool(far, rtt_far)),
            )


def _pushes_per_loan(strategy: str | None, measured: float) -> float:
    """1 where every push borrows for itself: what was measured differs by the edges of the window."""
    return 1.0 if strategy in labels.ONE_PUSH_A_LOAN else measured


def _by_pool(curve: Curve, rtt_ms: float) -> Iterator[Measured]:
    for seen in curve.cells:
        if seen.cell.pool is not None and seen.loans is not None:
            yield Measured(rtt_ms, seen.cell.pool, seen.pushes_per_s, seen.loans.hold_ms)


def _at_knee(curve: Curve) -> CellFigures | None:
    return None if curve.knee is None else curve.at(curve.knee.pool)


def _smallest_common(near: Curve, far: Curve) -> tuple[CellFigures, CellFigures] | None:
    """Both curves' figures at the smallest pool that they share: least queueing inside the database."""
    for seen in near.cells:
        other = far.at(seen.cell.pool) if seen.cell.pool is not None else None
        if other is not None:
            return seen, other
    return None
