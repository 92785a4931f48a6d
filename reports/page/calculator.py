"""What the page's calculator starts with: the hold time of this run taken apart into its causes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports import labels
from reports.stats.littles_law import statements_per_push
from reports.verdict import CellFigures, Curve


@dataclass(frozen=True)
class Preset:
    """One strategy as measured here: hold time = round trip × statements + work."""

    name: str
    statements: float  # round trips per push
    work_ms: float  # what a push costs in the database without any network
    pushes_per_s: float  # at the recommended pool


DEFAULT = Preset("example", statements=2, work_ms=1.0, pushes_per_s=1_000)


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
        hold_near, hold_far = pair[0].hold_ms, pair[1].hold_ms
        if hold_near is None or hold_far is None:
            continue
        statements = statements_per_push(hold_far, hold_near, rtt_far - rtt_near)
        if statements is not None:
            work_ms = max(0.0, hold_near - statements * rtt_near)
            rate = near.need.pushes_per_s if near.need else pair[0].pushes_per_s
            yield Preset(name, statements, work_ms, rate)


def _smallest_common(near: Curve, far: Curve) -> tuple[CellFigures, CellFigures] | None:
    """Both curves' figures at the smallest pool that they share: least queueing inside the database."""
    for seen in near.cells:
        other = far.at(seen.cell.pool) if seen.cell.pool is not None else None
        if other is not None:
            return seen, other
    return None
