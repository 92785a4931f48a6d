"""Findings in words: every sentence of a report is made here, from values, and claims only what is shown."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from loadtests.results import Cell
from reports import labels
from reports.stats.block_model import Ratio
from reports.stats.knee import Knee
from reports.stats.littles_law import Need
from reports.verdict import Curve, FactorGain, Limit, TimeoutCount, Verdict

LAW = "Connections needed ≈ pushes per second × hold time"
LIMIT_TEXTS = {
    Limit.POOL: "the pool: requests wait for a connection",
    Limit.PARTITION_LOCK: "the partition's lock: use more partitions, not more connections",
    Limit.DATABASE: "the database: its connections are busy writing or computing",
    Limit.SERVER_CPU: "the server's CPU: one event loop is full",
    Limit.MACHINE_CPU: "the machine's CPU: server, database and load share it",
    Limit.GENERATOR: "the load generator: the server may be faster",
    Limit.UNCLEAR: "unclear: no single limit explains it",
}


def headline(verdict: Verdict) -> str:
    """The report in one paragraph: Little's law with the measured numbers, then DB_POOL_SIZE."""
    shown = _fastest_by_round_trip(verdict.curves)
    laws = [_law(curve.factors, curve.need, curve.direct_rtt_ms) for curve in shown if curve.need]
    if not verdict.curves:
        laws = [_law(load.cell, load.need, load.direct_rtt_ms) for load in verdict.offered if load.need]
    law = f"{LAW}: {'; '.join(laws)}." if laws else f"{LAW}."
    sizes = [_recommended(verdict.curves, rtt) for rtt in _round_trips(verdict.curves)]
    known = [size for size in sizes if size]
    if not known:
        return f"{law} No DB_POOL_SIZE is recommended: that takes a sweep of several pool sizes."
    return f"{law} DB_POOL_SIZE: {'; '.join(known)}."


class Topic(NamedTuple):
    """Sentences that belong together."""

    name: str
    sentences: tuple[str, ...]


def findings(verdict: Verdict) -> tuple[Topic, ...]:
    """What was found, by topic; topics without a finding are left out."""
    topics = (
        Topic("A larger pool", tuple(_steps(verdict.curves))),
        Topic("Other factors", tuple(gain(found, verdict) for found in verdict.gains)),
        Topic("Time-outs", tuple(_timeouts(verdict.timeouts))),
        Topic("What binds at the smallest sufficient pool", tuple(_limits(verdict.curves))),
    )
    return tuple(topic for topic in topics if topic.sentences)


def sentences(verdict: Verdict) -> tuple[str, ...]:
    """The same as `findings`, without topics."""
    return tuple(sentence for topic in findings(verdict) for sentence in topic.sentences)


def curve_name(curve: Curve, curves: Iterable[Curve]) -> str:
    """A curve by what differs: "sequential, 2 ms round trip"."""
    return cell_name(curve.factors, [other.factors for other in curves], curve.direct_rtt_ms)


def cell_name(cell: Cell, cells: Sequence[Cell], direct_rtt_ms: float | None) -> str:
    """A cell by the factors in which `cells` differ, then its round trip; the pool is left out."""
    name = labels.series(cell, labels.varying(cells))
    return f"{name}, {labels.round_trip(cell.db_rtt_ms, direct_rtt_ms)}"


def ratio(found: Ratio) -> str:
    """×1.01 [0.90–1.10], no difference shown."""
    if found.interval is None:
        return f"×{_times(found.ratio)}, one block only: no difference can be shown"
    interval = f"[{_times(found.interval.low)}–{_times(found.interval.high)}]"
    return f"×{_times(found.ratio)} {interval}{_doubt(found)}"


def _doubt(found: Ratio) -> str:
    if found.shown:
        return ""
    if found.interval is None or found.minimum_detectable is None or found.interval.contains(1.0):
        return ", no difference shown"
    least = found.minimum_detectable if found.ratio > 1 else 1 / found.minimum_detectable
    return f", too small to claim (these trials find ×{_times(least)})"


def gain(found: FactorGain, verdict: Verdict) -> str:
    """batch over sequential, local, pool 20: ×2.27 [2.11–2.44]."""
    of, over = (labels.round_trip(cell.db_rtt_ms, found.direct_rtt_ms) for cell in (found.of, found.over))
    if found.factor == "db_rtt_ms":
        what = f"{of} over {over}"
        cells = [curve.factors for curve in verdict.curves]
        place = labels.series(found.of, labels.varying(cells))
    else:
        what = f"{labels.series(found.of, [found.factor])} over {labels.series(found.over, [found.factor])}"
        place = of
    return f"{what} ({place}, pool {found.of.pool}): {ratio(found.ratio)}."


def knee(curve: Curve) -> str:
    """How sure a curve's recommendation is."""
    found = curve.knee
    if found is None:
        return "not determined"
    excluded = ", ".join(map(str, found.excluded)) or "none"
    text = f"pools shown to lose more than {found.margin:.0%}: {excluded}"
    if found.at_edge:
        return f"{text}; the largest pool tried is the best"
    sure = f"({found.confidence:.0%} confidence)"
    return f"{text}; pool {found.pool} loses at most {found.loss_at_most:.0%} {sure}"


def throughput_title(curves: Sequence[Curve]) -> str:
    """The main chart's finding."""
    known = [_recommended(curves, rtt) for rtt in _round_trips(curves)]
    sizes = [size for size in known if size]
    return f"Enough connections: {'; '.join(sizes)}" if sizes else "Throughput against pool size"


def connections_title(curves: Sequence[Curve]) -> str:
    """How many of the pool's connections were in use, at each curve's smallest sufficient pool."""
    told = [
        f"{curve.need.busy_measured:.3g} of {curve.knee.pool} ({curve_name(curve, curves)})"
        for curve in curves
        if curve.need and curve.need.busy_measured is not None and curve.knee
    ]
    return f"Connections in use: {'; '.join(told)}" if told else "Connections needed: pushes/s × hold time"


def connections_caption(curves: Sequence[Curve]) -> str:
    """What the two kinds of marks are, and how far they agree at the pools of the title."""
    needs = [curve.need for curve in curves if curve.need is not None]
    off = [abs(need.disagreement) for need in needs if need.disagreement is not None]
    agree = f" agree within {max(0.01, *off):.0%}, which checks" if off else ": comparing them checks"
    return (
        "Needed (pushes per second counted by the clients × hold time) and busy (the pool's own time "
        f"average){agree} the two clocks against each other, not Little's law. Where both touch the dotted "
        "line, the pool is full."
    )


def timeouts_title(counts: Sequence[TimeoutCount]) -> str:
    """Where time-outs begin."""
    seen = sorted({found.cell.pool for found in counts if found.requests and found.cell.pool is not None})
    free = sorted({found.cell.pool for found in counts if not found.requests and found.cell.pool is not None})
    if not seen:
        return "No time-out was seen at any pool size"
    pools = f"pool{'s' if len(seen) > 1 else ''} {', '.join(map(str, seen))}"
    without = f"; none from pool {free[0]}" if free and free[0] > seen[-1] else ""
    return f"Time-outs at {pools}{without}"


def latency_title(curves: Sequence[Curve]) -> str:
    """What the latency chart is about, without a claim."""
    loops = {curve.factors.loop for curve in curves}
    load = " with a fixed number of clients" if loops == {"closed"} else ""
    return f"Latency against pool size{load}"


def _law(cell: Cell, need: Need, direct_rtt_ms: float | None) -> str:
    place = labels.round_trip(cell.db_rtt_ms, direct_rtt_ms)
    strategy = f"{cell.strategy}, " if cell.strategy else ""
    hold = f"{need.hold_ms:.3g} ms"
    return f"{need.pushes_per_s:,.0f}/s × {hold} ≈ {need.connections_needed:.0f} ({strategy}{place})"


def _size(found: Knee) -> str:
    if not found.settled:
        return f"not settled between {found.not_excluded[0]} and {found.not_excluded[-1]}"
    return f"{found.pool}{' or more' if found.at_edge else ''}"


def _recommended(curves: Sequence[Curve], rtt_ms: float) -> str:
    """For instance "5 locally" or "20 (batch) or 50 (sequential) with 2 ms round trip"; else ""."""
    here = [curve for curve in curves if curve.factors.db_rtt_ms == rtt_ms and curve.knee is not None]
    names = labels.varying(curve.factors for curve in here)
    by_size: dict[str, list[str]] = {}
    for curve in here:
        assert curve.knee is not None
        by_size.setdefault(_size(curve.knee), []).append(labels.series(curve.factors, names))
    if not by_size:
        return ""
    direct_rtt_ms = here[0].direct_rtt_ms
    is_local = labels.is_local(rtt_ms, direct_rtt_ms)
    place = "locally" if is_local else f"with {labels.round_trip(rtt_ms, direct_rtt_ms)}"
    if len(by_size) == 1:
        return f"{next(iter(by_size))} {place}"
    choices = (f"{size} ({', '.join(who)})" for size, who in by_size.items())
    return f"{' or '.join(choices)} {place}"


def _steps(curves: Sequence[Curve]) -> Iterator[str]:
    for curve in curves:
        steps = [f"{step.from_pool} → {step.to_pool}: {ratio(step.ratio)}" for step in curve.steps]
        if steps:
            yield f"{curve_name(curve, curves)}: {'; '.join(steps)}."


def _timeouts(counts: Iterable[TimeoutCount]) -> Iterator[str]:
    for found in counts:
        if found.requests:
            limit = f" (DB_CONNECTION_TIMEOUT {found.cell.connection_timeout_ms} ms)"
            yield (
                f"Pool {found.cell.pool} gives {_rate(found.per_s)} time-outs a second, "
                f"{found.requests:,} of {found.sent:,} requests"
                f"{limit if found.cell.connection_timeout_ms else ''}: “{found.text}”."
            )


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}" if per_s >= 10 else f"{per_s:.2g}"


def _limits(curves: Sequence[Curve]) -> Iterator[str]:
    by_limit: dict[Limit, list[str]] = {}
    for curve in curves:
        seen = curve.at(curve.knee.pool) if curve.knee is not None else None
        if seen is not None:
            name = f"{curve_name(curve, curves)}, pool {seen.cell.pool}"
            by_limit.setdefault(seen.limit, []).append(name)
    for limit, names in by_limit.items():
        yield f"{'; '.join(names)}: {LIMIT_TEXTS[limit]}."


def _round_trips(curves: Iterable[Curve]) -> list[float]:
    return sorted({curve.factors.db_rtt_ms for curve in curves})


def _fastest_by_round_trip(curves: Sequence[Curve]) -> list[Curve]:
    def best(curve: Curve) -> float:
        return max(seen.throughput for seen in curve.cells)

    groups = ([c for c in curves if c.factors.db_rtt_ms == rtt] for rtt in _round_trips(curves))
    return [max(group, key=best) for group in groups]


def _times(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
