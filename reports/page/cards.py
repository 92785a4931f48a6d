"""The recommendations of a page as cards: a big number, where it holds, for whom, and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports import labels, recommendation
from reports.stats.knee import Knee
from reports.verdict import Curve


@dataclass(frozen=True)
class Card:
    """One recommendation: a big number and where it holds."""

    pool: str
    place: str
    who: str
    certainty: str


def cards(curves: Sequence[Curve]) -> tuple[Card, ...]:
    """A card for each curve that has a recommendation; curves that agree at one round trip share one."""
    names = labels.varying(curve.factors for curve in curves)
    shared: dict[tuple[float, str], list[Curve]] = {}
    for curve in curves:
        if curve.knee is not None:
            shared.setdefault((curve.factors.db_rtt_ms, _size(curve.knee)), []).append(curve)
    return tuple(
        Card(
            pool=size,
            place=_place(rtt, same[0]),
            who=", ".join(labels.series(curve.factors, names) for curve in same),
            certainty=_certainty(same),
        )
        for (rtt, size), same in shared.items()
    )


def _place(rtt_ms: float, curve: Curve) -> str:
    measured = curve.db_rtt_measured_ms
    if labels.is_local(rtt_ms, curve.direct_rtt_ms):
        place = "local database"
    elif labels.is_local(0, curve.direct_rtt_ms):
        place = f"{rtt_ms:g} ms round trip"
    else:
        place = f"{rtt_ms:g} ms round trip added" if rtt_ms else "no round trip added"
    return place if measured is None else f"{place} ({measured:.2g} ms measured)"


def _size(found: Knee) -> str:
    if not found.settled:
        return f"{found.not_excluded[0]}–{found.not_excluded[-1]}"
    return f"{found.pool}+" if found.at_edge else str(found.pool)


def _certainty(curves: Sequence[Curve]) -> str:
    knees = [curve.knee for curve in curves if curve.knee is not None]
    if any(found.at_edge for found in knees):
        return "the largest pool that was tried: larger ones may be faster"
    if not all(found.settled for found in knees):
        margin = f"{knees[0].margin:.0%}"
        return f"not settled by these trials: none of these pools is shown to be more than {margin} worse"
    return recommendation.loss(knees)
