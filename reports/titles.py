"""What stands above the charts: the finding where there is one, else what is drawn; and a caption."""

from collections.abc import Sequence

from reports import recommendation
from reports.verdict import Curve, TimeoutCount


def throughput(curves: Sequence[Curve]) -> str:
    """The main chart's finding."""
    sizes = recommendation.sizes(curves)
    return f"Enough connections: {'; '.join(sizes)}" if sizes else "Throughput against pool size"


def connections(curves: Sequence[Curve]) -> str:
    """Which share of the pool's connections was in use, at each curve's smallest sufficient pool."""
    shares = [curve.loans.busy / curve.recommended for curve in curves if curve.loans and curve.recommended]
    if not shares:
        return "Connections needed: loans/s × hold time"
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    told = high if low == high else f"{low.removesuffix('%')}–{high}"
    return f"Connections in use at the smallest sufficient pool: {told}"


def connections_caption(curves: Sequence[Curve]) -> str:
    """What the two kinds of marks are, and how far they agree at the smallest sufficient pools."""
    known = [curve.loans for curve in curves if curve.loans is not None and curve.recommended]
    off = [abs(loans.disagreement) for loans in known if loans.disagreement is not None]
    pools = f"at the smallest sufficient pool{'s' if len(off) > 1 else ''}"
    agree = f" and agree within {max(0.01, *off):.0%} {pools}" if off else ""
    return (
        "Needed (loans of a connection per second × hold time) and busy (time average) are both counted by "
        f"the pool{agree}: comparing them checks whether the window was steady, not Little's law. With "
        "coalesce one loan serves many requests. Where both touch the dotted line, the pool is full."
    )


def timeouts(counts: Sequence[TimeoutCount]) -> str:
    """Where time-outs begin, and where the windows were too early to tell."""
    early = sorted({found.cell.pool for found in counts if found.too_early and found.cell.pool is not None})
    told = _where_they_begin([found for found in counts if found.too_early is None])
    return f"{told}; too early to tell: pool {', '.join(map(str, early))}" if early else told


def _where_they_begin(counts: Sequence[TimeoutCount]) -> str:
    pools = {found.cell.pool for found in counts if found.cell.pool is not None}
    seen = sorted({found.cell.pool for found in counts if found.requests and found.cell.pool is not None})
    if not seen:
        return "No time-out was seen at any pool size"
    larger = [pool for pool in pools if pool > seen[-1]]
    without = f"; none from pool {min(larger)}" if larger else ""
    return f"Time-outs at pool{'s' if len(seen) > 1 else ''} {', '.join(map(str, seen))}{without}"


def latency(curves: Sequence[Curve]) -> str:
    """What the latency chart is about, without a claim."""
    loops = {curve.factors.loop for curve in curves}
    load = " with a fixed number of clients" if loops == {"closed"} else ""
    return f"Latency against pool size{load}"
