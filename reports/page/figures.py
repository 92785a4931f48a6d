"""The charts of a page: which are drawn, and the sentence below each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure
from msgspec.structs import replace

from reports import titles, wording
from reports.charts import (
    connections,
    database_timeline,
    latency,
    pool_timeline,
    svg,
    throughput,
    timeouts,
)
from reports.dataset import Dataset
from reports.estimates import estimates_frame
from reports.page.selection import timeline_samples
from reports.verdict import Curve, Verdict

WIDE, NARROW = 2, 1  # panels side by side


@dataclass(frozen=True)
class PageChart:
    """One chart in two widths; the page shows the one that fits."""

    name: str
    sentence: str
    wide: str  # inline SVG
    narrow: str


def draw_all(dataset: Dataset, verdict: Verdict) -> tuple[PageChart, ...]:
    """Every chart for which there are figures, the main one first."""
    return (
        *_capacity(verdict),
        *_latency(dataset, verdict),
        *_timeouts(dataset, verdict),
        *_timelines(dataset, verdict),
    )


def _capacity(verdict: Verdict) -> Iterator[PageChart]:
    for place, part in enumerate(_parts(verdict)):
        curves = [curve for curve in verdict.curves if curve.part == part]
        estimates = estimates_frame(curves)
        yield page_chart(
            f"throughput-{place}",
            "Acknowledged throughput against pool size. Bars are 95% intervals for comparing points with "
            "each other; the ring marks the smallest pool that is not shown to be over 5% below the best.",
            titles.throughput(curves),
            partial(throughput.draw, estimates, unit=verdict.unit),
        )
        if estimates["busy"].notna().any():
            yield page_chart(
                f"connections-{place}",
                titles.connections_caption(curves),
                titles.connections(curves),
                partial(connections.draw, estimates),
            )


def _latency(dataset: Dataset, verdict: Verdict) -> Iterator[PageChart]:
    for place, part in enumerate(_parts(verdict)):
        frame = dataset.latency[dataset.latency["part"] == part]
        clock = latency.clock_of(frame)
        if frame[frame["clock"] == clock]["pool"].notna().any():
            title = titles.latency([curve for curve in verdict.curves if curve.part == part])
            yield page_chart(
                f"latency-{place}",
                "Of acknowledged pushes alone: what was refused, or never sent, is in none. "
                "Percentiles of all trials' histograms added up, never averages of percentiles; vertical "
                "bars reach from the lowest to the highest single trial. With a fixed number of clients a "
                "faster server also answers sooner.",
                title,
                partial(latency.draw, frame, clock=clock),
            )


def _timeouts(dataset: Dataset, verdict: Verdict) -> Iterator[PageChart]:
    for place, part in enumerate(dict.fromkeys(seen.part for seen in verdict.timeouts)):
        frame = dataset.trials[dataset.trials["part"] == part].dropna(subset=["timeouts_s"])
        if frame["pool"].nunique() < 2:  # nothing to draw against
            continue
        counts = [seen for seen in verdict.timeouts if seen.part == part]
        yield page_chart(
            f"timeouts-{place}",
            "Requests that got no connection within DB_CONNECTION_TIMEOUT and were refused. Each dot is one "
            f"trial; counts as seen, no interval is claimed. {wording.held_back(counts)}".rstrip(),
            titles.timeouts(counts),
            partial(timeouts.draw, frame),
        )


def _timelines(dataset: Dataset, verdict: Verdict) -> Iterator[PageChart]:
    chosen = timeline_samples(dataset, verdict)
    stages = verdict.load.stages if verdict.load is not None else ()
    if stages:  # the clock begins with the first, whichever of them count
        begin_s = stages[0].start_s
        chosen = chosen.assign(t_s=chosen["t_s"] - begin_s)
        stages = tuple(
            replace(stage, start_s=stage.start_s - begin_s, end_s=stage.end_s - begin_s) for stage in stages
        )
    numbered = " The numbers above are those of the stages." if stages else ""
    if len(chosen) and chosen["pool_total"].notna().any():
        yield page_chart(
            "pool-timeline",
            "The gauges of GET /metrics/pool, ten times a second: totalCount, idleCount and waitingCount. "
            "With coalesce who waits is a shared call; the requests that it is for wait in another line."
            f"{numbered}",
            "The pool over time",
            partial(pool_timeline.draw, chosen, stages=stages),
        )
    if len(chosen) and chosen["db_active"].notna().any():
        yield page_chart(
            "database-timeline",
            "Client backends in pg_stat_activity by state, and the active ones by wait event type."
            f"{numbered}",
            "Database connections over time",
            partial(database_timeline.draw, chosen, stages=stages),
        )


def _parts(verdict: Verdict) -> list[str]:
    def has_pools(curve: Curve) -> bool:
        return len(curve.cells) > 1

    return list(dict.fromkeys(curve.part for curve in verdict.curves if has_pools(curve)))


def page_chart(name: str, sentence: str, title: str, draw: Callable[..., Figure]) -> PageChart:
    """Draw it in both widths: `draw` takes `title` and `columns`."""
    return PageChart(
        name=name,
        sentence=sentence,
        wide=svg.inline(draw(title=title, columns=WIDE), f"{name}-wide", title),
        narrow=svg.inline(draw(title=title, columns=NARROW), f"{name}-narrow", title),
    )
