"""Findings in words: made from values alone, claiming only what is shown (sizes: `recommendation`)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from loadtests.results import Cell
from reports import claims, labels, load_wording, recommendation
from reports.verdict import (
    Circumstances,
    Curve,
    FactorGain,
    Limit,
    Loans,
    Precision,
    TimeoutCount,
    TooEarly,
    Verdict,
)

LAW = "Connections needed ≈ loans of a connection per second × hold time"
UNKNOWN = "How many connections were needed is not known: the pool's own counts are missing."
SHARED = 1.1  # requests a loan: from here on loans are told apart from requests
LIMIT_TEXTS = {
    Limit.POOL: "the pool: requests, or the calls that they share, wait for a connection",
    Limit.PARTITION_LOCK: "the partition's lock: use more partitions, not more connections",
    Limit.DATABASE: "the database: its connections are busy writing or computing",
    Limit.SERVER_CPU: "the server's CPU: one event loop is full",
    Limit.MACHINE_CPU: "the machine's CPU: server, database and load share it",
    Limit.GENERATOR: "the load generator: the server may be faster",
    Limit.NEARLY_CPU: "not known; nearly all CPU was used, of the machine or of the server's event loop",
    Limit.NO_FASTER: "not known; the pool is full, but that a larger one is faster is not shown",
    Limit.UNCLEAR: "not known; nothing that was looked at is full",
}


def headline(verdict: Verdict) -> str:
    """The report in one paragraph: Little's law with the measured numbers, then DB_POOL_SIZE.

    Of one load that a person started, what it found comes first; when every push failed that is all.
    """
    if verdict.load is None:
        return _about_pools(verdict)
    opening = load_wording.opening(verdict.load)
    return opening if verdict.load.in_vain else f"{opening} {_about_pools(verdict)}"


def _about_pools(verdict: Verdict) -> str:
    sizes = recommendation.sizes(verdict.curves)
    if not sizes:
        return f"{law(verdict)} No DB_POOL_SIZE is recommended: that takes a sweep of several pool sizes."
    return f"{law(verdict)} DB_POOL_SIZE: {'; '.join(sizes)}."


def law(verdict: Verdict) -> str:
    """Little's law with the measured numbers, in one sentence."""
    shown = _fastest_by_round_trip(verdict.curves)
    laws = [_law(curve.factors, curve.loans, curve.direct_rtt_ms) for curve in shown if curve.loans]
    if not verdict.curves:
        laws = [_law(load.cell, load.loans, load.direct_rtt_ms) for load in verdict.offered if load.loans]
    return f"{LAW}: {'; '.join(laws)}." if laws else f"{LAW}." if _pool_known(verdict) else UNKNOWN


class Topic(NamedTuple):
    """Sentences that belong together."""

    name: str
    sentences: tuple[str, ...]


def findings(verdict: Verdict) -> tuple[Topic, ...]:
    """What was found, by topic; topics without a finding are left out."""
    topics = (
        Topic("A larger pool", tuple(_steps(verdict.curves))),
        Topic("What one loan of a connection serves", tuple(_served(verdict.curves))),
        Topic("Other factors", tuple(gain(found, verdict) for found in verdict.gains)),
        Topic("Time-outs", tuple(_timeouts(verdict.timeouts))),
        Topic("What binds at the smallest sufficient pool", tuple(_limits(verdict.curves, settled=True))),
        Topic(
            "What binds at the smallest pool that may do, where it is not settled",
            tuple(_limits(verdict.curves, settled=False)),
        ),
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


def held_back(counts: Sequence[TimeoutCount]) -> str:
    """How many due pushes a Retry-After kept from being sent, and so from timing out; "" where none."""
    held = [
        f"{found.held:,} of {found.due:,} due pushes at pool {found.cell.pool}"
        for found in counts
        if found.held
    ]
    if not held:
        return ""
    return (
        "A refusal asks for a pause (Retry-After) and producers keep to it, so fewer are refused than would "
        f"be: never sent were {', '.join(held)}."
    )


def circumstances(found: Circumstances) -> str:
    """Under which load the recommendations were found, in one sentence; what was not measured is in none."""
    low, high = f"{found.shortest_s:.2g}", f"{found.longest_s:.2g}"
    checkpoint = ", after a CHECKPOINT" if found.checkpointed else ""
    tables = f"tables empty at the start of each trial{checkpoint}" if found.fresh_tables else ""
    parts = (
        "pushes and consumers" if found.consumed else "pushes only, no consumers",
        tables,
        f"windows of {low if low == high else f'{low} to {high}'} s",
        f"payloads of {_either(found.payload_bytes)} bytes",
        f"{_either(found.batches)} messages a push",
        f"{_either(found.clients)} clients, each of which pushes again as soon as it is answered",
    )
    return f"Measured with {'; '.join(filter(None, parts))}. Under another load another size may be needed."


def _either(values: Sequence[int]) -> str:
    return " or ".join(f"{value:,}" for value in values)


def precision(found: Precision) -> str:
    """How fine the comparison of a part is, in one sentence."""
    if found.residual_sd is None or found.minimum_detectable is None:
        return f"{found.part}: {found.blocks} block, no repeats to compare: no interval and no claim."
    return (
        f"{found.part}: {found.blocks} blocks, repeats of one cell differ by ±{found.residual_sd:.1%} (sd, "
        f"{found.degrees_of_freedom} degrees of freedom); the smallest ratio that would be found with 80% "
        f"power at a 5% level is ×{claims.times(found.minimum_detectable)}."
    )


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
    return f"{what} ({place}, pool {found.of.pool}): {claims.ratio(found.ratio)}."


def waiting(curves: Iterable[Curve]) -> str:
    """For what requests wait: what the figures of `CellFigures.requests_waiting` count."""
    cells = [seen for curve in curves if curve.factors.strategy == "coalesce" for seen in curve.cells]
    if not cells:
        return "Requests wait for a connection."
    where = (
        "Requests wait for a connection, with coalesce for one in common (boarding in /metrics/pool): the "
        "pool's own gauge counts the call that they share, not them."
    )
    if all(seen.boarding is None for seen in cells):
        return f"{where} How many wait for one in common is not known: this server did not count them."
    return where


def _pool_known(verdict: Verdict) -> bool:
    figures = (seen.loans for curve in verdict.curves for seen in curve.cells)
    return any((*figures, *(load.loans for load in verdict.offered)))


def _law(cell: Cell, loans: Loans, direct_rtt_ms: float | None) -> str:
    place = labels.round_trip(cell.db_rtt_ms, direct_rtt_ms)
    strategy = f"{cell.strategy}, " if cell.strategy else ""
    each = f", {_few(loans.requests)} requests a loan" if loans.requests >= SHARED else ""
    hold = f"{loans.hold_ms:.3g} ms"
    return f"{loans.per_s:,.0f}/s × {hold} ≈ {_few(loans.needed)} ({strategy}{place}{each})"


def _served(curves: Sequence[Curve]) -> Iterator[str]:
    for curve in curves:
        if curve.loans is not None and curve.knee is not None:
            requests, messages = _few(curve.loans.requests), _few(curve.loans.messages)
            yield (
                f"{curve_name(curve, curves)}, pool {curve.knee.pool}: {requests} "
                f"request{'' if requests == '1' else 's'}, {messages} messages."
            )


def _few(value: float) -> str:
    """0.95, 1, 5.4, 32: two digits below ten, none behind the point above."""
    return f"{value:.2g}" if value < 9.95 else f"{value:,.0f}"


def _steps(curves: Sequence[Curve]) -> Iterator[str]:
    for curve in curves:
        steps = [f"{step.from_pool} → {step.to_pool}: {claims.ratio(step.ratio)}" for step in curve.steps]
        if steps:
            yield f"{curve_name(curve, curves)}: {'; '.join(steps)}."


def _timeouts(counts: Iterable[TimeoutCount]) -> Iterator[str]:
    for found in counts:
        if found.too_early is not None:
            yield _too_early(found, found.too_early)
        elif found.requests:
            limit = f" (DB_CONNECTION_TIMEOUT {found.cell.connection_timeout_ms} ms)"
            yield (
                f"Pool {found.cell.pool} gives {_rate(found.per_s)} time-outs a second, "
                f"{found.requests:,} of {found.sent:,} requests"
                f"{limit if found.cell.connection_timeout_ms else ''}: “{found.text}”."
            )


def _too_early(found: TimeoutCount, window: TooEarly) -> str:
    when = "ended" if window.all_before else "began"
    return (
        f"Pool {found.cell.pool} refused {found.requests:,} of {found.sent:,} requests, but the window "
        f"{when} before the time-out could strike: it lasted from {window.warmup_s:.1f} s to "
        f"{window.warmup_s + window.measured_s:.1f} s after the start of the load, DB_CONNECTION_TIMEOUT is "
        f"{window.timeout_s:g} s. So there is no rate. Give it a longer warm-up."
    )


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}" if per_s >= 10 else f"{per_s:.2g}"


def _limits(curves: Sequence[Curve], settled: bool) -> Iterator[str]:
    by_limit: dict[Limit, list[str]] = {}
    for curve in curves:
        wanted = curve.knee is not None and curve.knee.settled is settled
        seen = curve.at(curve.knee.pool) if curve.knee is not None and wanted else None
        if seen is not None:
            name = f"{curve_name(curve, curves)}, pool {seen.cell.pool}"
            by_limit.setdefault(seen.limit, []).append(name)
    for limit, names in by_limit.items():
        yield f"{'; '.join(names)}: {LIMIT_TEXTS[limit]}."


def _fastest_by_round_trip(curves: Sequence[Curve]) -> list[Curve]:
    def best(curve: Curve) -> float:
        return max(seen.throughput for seen in curve.cells)

    return [max(group, key=best) for group in recommendation.by_round_trip(curves).values()]
