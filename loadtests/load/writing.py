"""Writes what a recorder holds as the files of `loadtests.results`."""

import io

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from loadtests import results
from loadtests.load.recorder import Recorder
from loadtests.results import LoadResult, TrialFiles

US_PER_MS = 1000.0


def write_results(recorder: Recorder, files: TrialFiles) -> LoadResult:
    """Write load.json, ledger.json and latency.hlog, each whole or not at all. Raises OSError."""
    result = recorder.result()
    results.write(files.load, result)
    results.write(files.ledger, recorder.ledger())
    start_s = recorder.tally.started_at.timestamp()
    log = histogram_log(recorder.histograms(), start_s, start_s + result.measured_s)
    results.replace(files.latency, log.encode())
    return result


def histogram_log(histograms: tuple[HdrHistogram, ...], start_s: float, end_s: float) -> str:
    """An HDR interval log (format 1.2) with one tagged line for each histogram; times since the epoch.

    Values are microseconds; the column for people, Interval_Max, is in ms.
    """
    text = io.StringIO()
    writer = HistogramLogWriter(text)
    writer.output_log_format_version()
    # With the six digits of the lines below: readers skip an interval that begins before the start.
    writer.output_comment(f"[StartTime: {start_s:.6f} (seconds since epoch)]")
    writer.output_legend()
    for histogram in histograms:
        text.write(f"Tag={histogram.get_tag()},")  # the package reads tags, but does not write them
        writer.output_interval_histogram(histogram, start_s, end_s, US_PER_MS)
    return text.getvalue()
