"""HDR interval logs: read, merge, and take percentiles of the merged histogram.

Percentiles are never averaged: the average of two p99 is the p99 of nothing. Histograms add up
exactly (G. Tene, HdrHistogram; log format 1.2), so the p99 of several trials is that of their sum.
Recorded values are microseconds; percentiles come out in milliseconds.
"""

import binascii
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram

from loadtests.results import Latency, ResultError

LOWEST_US, HIGHEST_US, DIGITS = 1, 3_600_000_000, 3
_UNREADABLE = (HdrCookieException, HdrLengthException, binascii.Error, zlib.error, ValueError, TypeError)


class TaggedInterval(NamedTuple):
    """One line of a log."""

    tag: str | None
    histogram: HdrHistogram


def read_log(path: Path) -> Iterator[TaggedInterval]:
    """The intervals of one log. Raises `ResultError` naming the file and line that cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith(("#", '"')):
            yield _interval(path, number, line)


def merge(paths: Iterable[Path]) -> dict[str | None, HdrHistogram]:
    """Tag → the sum of all intervals of all logs that carry it. Raises `ResultError` as `read_log` does."""
    totals: dict[str | None, HdrHistogram] = {}
    for path in paths:
        for tag, found in read_log(path):
            totals.setdefault(tag, HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)).add(found)
    return totals


def latency(histogram: HdrHistogram) -> Latency:
    """Percentiles in ms of a histogram in µs. Raises ValueError when it is empty."""
    count = int(histogram.get_total_count())
    if count == 0:
        raise ValueError("an empty histogram has no percentiles")

    def at(percentile: float) -> float:
        return float(histogram.get_value_at_percentile(percentile)) / 1000

    return Latency(
        count=count,
        p50_ms=at(50),
        p90_ms=at(90),
        p95_ms=at(95),
        p99_ms=at(99),
        p999_ms=at(99.9),
        max_ms=float(histogram.get_max_value()) / 1000,
    )


def _interval(path: Path, number: int, line: str) -> TaggedInterval:
    """`Tag=service,0.0,1.0,2.769,HISTFAAA…`; the tag may be missing."""
    tag: str | None = None
    if line.startswith("Tag="):
        head, _, line = line.partition(",")
        tag = head.removeprefix("Tag=")
    payload = line.rpartition(",")[2].strip()
    try:
        return TaggedInterval(tag, HdrHistogram.decode(payload))
    except _UNREADABLE as error:
        reason = str(error) or type(error).__name__
        raise ResultError(f"{path}: line {number} is not an HDR histogram: {reason}") from None
