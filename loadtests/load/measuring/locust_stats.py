"""Locust's own statistics, made fit for sub-millisecond answers and cheap enough for raw users.

Locust rounds latencies to whole milliseconds and counts each request in three places. Here latencies
keep three digits down to a microsecond, and a raw user's requests are gathered and handed to Locust's
statistics about once a second, through `StatsEntry.extend`: the way a master takes its workers' reports.

As in the result files, a latency is one of a success: failures are counted as failures alone.
"""

import math
from collections import defaultdict
from datetime import UTC, datetime

from locust import stats
from locust.stats import RequestStats, StatsEntry

from loadtests.load.measuring.histogram import LatencyHistogram

PUSH = "push"
PUSH_INTENDED = "push (from intended start)"
LAG = "schedule lag"  # of a push: from its intended start until its producer turned to it
HELD = "held back"  # how long a producer obeyed a Retry-After
PERCENTILES = [0.5, 0.95, 0.99, 0.999]


def bucket_response_time(response_time_ms: float) -> float:
    """Round to three significant digits, not below a microsecond (replaces Locust's function)."""
    if response_time_ms <= 0:
        return 0.0
    digits = 2 - math.floor(math.log10(response_time_ms))
    return round(response_time_ms, min(digits, 3))


def install() -> None:
    """Replace Locust's rounding and show p50 to p99.9 everywhere; in each process of a run."""
    stats.bucket_response_time = bucket_response_time  # type: ignore[assignment]
    stats.PERCENTILES_TO_CHART = PERCENTILES
    stats.PERCENTILES_TO_STATISTICS = PERCENTILES


class LiveEntry:
    """One row of Locust's table, fed cheaply and flushed about once a second.

    `in_total` False keeps a second clock of the same requests out of the Aggregated row.
    """

    def __init__(self, method: str, name: str, *, in_total: bool = True) -> None:
        self._method = method
        self._name = name
        self._in_total = in_total
        self._histogram = LatencyHistogram()
        self._failures = 0
        self._answer_bytes = 0

    def record(self, duration_s: float, answer_bytes: int) -> None:
        """Count one request that succeeded."""
        self._histogram.record(duration_s)
        self._answer_bytes += answer_bytes

    def fail(self, statistics: RequestStats, error: str) -> None:
        """Count one request that failed: at once in the table of failures, and never as a latency."""
        self._failures += 1
        statistics.log_error(self._method, self._name, error)

    def flush(self, statistics: RequestStats) -> None:
        """Hand over what came since the last flush."""
        if not self._histogram.count and not self._failures:
            return
        gathered, failures, answer_bytes = self._histogram, self._failures, self._answer_bytes
        self._histogram, self._failures, self._answer_bytes = LatencyHistogram(), 0, 0
        partial = _partial_entry(statistics, self._name, self._method, gathered, failures)
        partial.total_content_length = answer_bytes
        statistics.entries[(self._name, self._method)].extend(partial)
        if self._in_total:
            statistics.total.extend(partial)


def _partial_entry(
    statistics: RequestStats, name: str, method: str, gathered: LatencyHistogram, failures: int
) -> StatsEntry:
    """`failures` requests are what Locust calls none requests: counted, but without a response time."""
    now = datetime.now(UTC).timestamp()  # Locust keeps its seconds on the wall clock
    buckets = gathered.buckets()
    entry = StatsEntry(statistics, name, method)
    entry.start_time = now
    entry.last_request_timestamp = now
    entry.num_requests = gathered.count + failures
    entry.num_none_requests = failures
    entry.num_reqs_per_sec[int(now)] = entry.num_requests
    entry.total_response_time = gathered.total_us / 1000  # type: ignore[assignment]
    entry.min_response_time = buckets[0][0] / 1000 if buckets else None  # type: ignore[assignment]
    entry.max_response_time = gathered.max_s * 1000  # type: ignore[assignment]
    times: dict[float, int] = defaultdict(int)
    for micros, count in buckets:
        times[bucket_response_time(micros / 1000)] += count
    entry.response_times = times  # type: ignore[assignment]
    return entry
