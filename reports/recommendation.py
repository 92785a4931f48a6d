"""Which DB_POOL_SIZE, in words: what the knees of some curves recommend, and how sure that is."""

import math
from collections.abc import Iterable, Sequence

from reports import claims, labels
from reports.stats.knee import Knee
from reports.verdict import Curve


def by_round_trip(curves: Iterable[Curve]) -> dict[float, list[Curve]]:
    """Added round trip (ms) → its curves, by rising round trip."""
    found: dict[float, list[Curve]] = {}
    for curve in sorted(curves, key=lambda curve: curve.factors.db_rtt_ms):
        found.setdefault(curve.factors.db_rtt_ms, []).append(curve)
    return found


def sizes(curves: Iterable[Curve]) -> list[str]:
    """For each round trip with a knee: "5 locally", "20 (batch) or 50 (sequential) with 2 ms round trip"."""
    return [
        _sizes_at(rtt_ms, known) for rtt_ms, here in by_round_trip(curves).items() if (known := _known(here))
    ]


def knee(curve: Curve) -> str:
    """How sure a curve's recommendation is."""
    found = curve.knee
    if found is None:
        return "not determined"
    excluded = ", ".join(map(claims.exclusion, found.exclusions)) or "none"
    text = f"pools shown to lose more than {found.margin:.0%}: {excluded}"
    if found.at_edge:
        return f"{text}; the largest pool tried is the best"
    return f"{text}; pool {found.pool}: {loss([found])}"


def loss(knees: Sequence[Knee]) -> str:
    """What choosing these pools costs at most; a bound, so it is rounded up."""
    worst = max(found.loss_at_most for found in knees)
    percent = math.ceil(round(100 * worst, 6))
    bound = f"at most {percent}% below the best pool" if percent else "no other pool is faster"
    return f"{bound}, with {knees[0].confidence:.0%} confidence"


def _known(curves: Iterable[Curve]) -> list[tuple[Curve, Knee]]:
    return [(curve, curve.knee) for curve in curves if curve.knee is not None]


def _sizes_at(rtt_ms: float, known: Sequence[tuple[Curve, Knee]]) -> str:
    names = labels.varying(curve.factors for curve, _ in known)
    by_size: dict[str, list[str]] = {}
    for curve, found in known:
        by_size.setdefault(_size(found), []).append(labels.series(curve.factors, names))
    direct_rtt_ms = known[0][0].direct_rtt_ms
    is_local = labels.is_local(rtt_ms, direct_rtt_ms)
    place = "locally" if is_local else f"with {labels.round_trip(rtt_ms, direct_rtt_ms)}"
    if len(by_size) == 1:
        return f"{next(iter(by_size))} {place}"
    choices = (f"{size} ({', '.join(who)})" for size, who in by_size.items())
    return f"{' or '.join(choices)} {place}"


def _size(found: Knee) -> str:
    if not found.settled:
        return f"not settled between {found.not_excluded[0]} and {found.not_excluded[-1]}"
    return f"{found.pool}{' or more' if found.at_edge else ''}"
