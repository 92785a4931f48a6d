"""Writes what was measured as the files of `loadtests.results`."""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter
from msgspec import Struct

from loadtests import results
from loadtests.load.measuring.figures import histograms, ledger_of, load_result
from loadtests.load.measuring.histogram import LatencyHistogram
from loadtests.load.measuring.part import Part
from loadtests.load.plan import LoadPlan
from loadtests.results import LoadResult, TrialFiles

US_PER_MS = 1000.0


class TimedHistogram(Struct, frozen=True):
    """A tagged histogram and the time that it is of, in seconds since the epoch."""

    histogram: HdrHistogram
    start_s: float
    end_s: float


def write_results(part: Part, plan: LoadPlan, files: TrialFiles) -> LoadResult:
    """Write load.json, ledger.json and latency.hlog, each whole or not at all. Raises OSError."""
    result = load_result(part)
    results.write(files.load, result)
    results.write(files.ledger, ledger_of(part, plan))
    start_s = _start_s(part)
    end_s = start_s + result.measured_s
    log = histogram_log(start_s, [TimedHistogram(each, start_s, end_s) for each in histograms(part)])
    results.replace(files.latency, log.encode())
    return result


def write_course(windows: Sequence[Part], files: TrialFiles) -> None:
    """Write course.hlog: lag, service and response of each step of these windows. Raises OSError."""
    timed = (each for window in windows for each in _course(window))
    start_s = min(_start_s(window) for window in windows)
    results.replace(files.course, histogram_log(start_s, timed).encode())


def histogram_log(start_s: float, timed: Iterable[TimedHistogram]) -> str:
    """An HDR interval log (format 1.2) with one tagged line for each histogram, from `start_s` on.

    Values are microseconds; the column for people, Interval_Max, is in ms.
    """
    text = io.StringIO()
    writer = HistogramLogWriter(text)
    writer.output_log_format_version()
    # With the six digits of the lines below: readers skip an interval that begins before the start.
    writer.output_comment(f"[StartTime: {start_s:.6f} (seconds since epoch)]")
    writer.output_legend()
    for each in timed:
        text.write(f"Tag={each.histogram.get_tag()},")  # the package reads tags, but does not write them
        writer.output_interval_histogram(each.histogram, each.start_s, each.end_s, US_PER_MS)
    return text.getvalue()


def _course(part: Part) -> Iterable[TimedHistogram]:
    """The steps of a part of one window."""
    for step in part.steps:
        start_s = _start_s(part) + step.index * part.step_s
        clocks = (("lag", step.lag), ("service", step.service), ("response", step.response))
        for tag, counts in clocks:
            if counts.buckets:
                yield TimedHistogram(LatencyHistogram.of(counts).to_hdr(tag), start_s, start_s + part.step_s)


def _start_s(part: Part) -> float:
    return datetime.fromisoformat(part.started_at).timestamp()
