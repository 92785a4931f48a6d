"""A latency histogram that is cheap to record into, and its conversion to the HDR format.

It counts in the buckets of an HdrHistogram with three significant digits (Tene, HdrHistogram: value v
µs lands in `v >> s`, s chosen so that 11 bits remain), so the conversion loses nothing; recording is
one shift and one list increment, where the package's own `record_value` costs ten times as much.

What it holds are whole numbers (counts, microseconds) and a maximum: shards of one stream of durations,
recorded apart and added in any order, are exactly the histogram of the whole stream.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import compress

from hdrh.histogram import HdrHistogram
from msgspec import Struct

from loadtests.results import Latency

SUB_BUCKET_BITS = 11  # 2048 buckets up to 2.047 ms, then 1024 for each doubling: 0.1 % resolution
MAX_US = 3_600_000_000  # one hour
_BUCKETS = ((MAX_US.bit_length() - SUB_BUCKET_BITS) << (SUB_BUCKET_BITS - 1)) + (1 << SUB_BUCKET_BITS)


class HistogramCounts(Struct, frozen=True):
    """What a histogram holds, to send or to keep: small where few buckets are used."""

    total_us: int = 0  # sum of the durations, each cut to whole microseconds
    max_s: float = 0.0
    buckets: tuple[tuple[int, int], ...] = ()  # (lowest µs of the bucket, count > 0), rising

    @property
    def count(self) -> int:
        """How many durations."""
        return sum(count for _, count in self.buckets)


def summed(several: Iterable[HistogramCounts]) -> HistogramCounts:
    """The histogram of all of them, whatever their order; exact.

    The one with the most buckets is taken as it is: a generator that does this while it pushes adds to
    the thousands of buckets of a whole run the few of the last second.
    """
    ordered = sorted(several, key=lambda counts: len(counts.buckets))
    buckets = dict(ordered[-1].buckets) if ordered else {}
    for counts in ordered[:-1]:
        for micros, count in counts.buckets:
            buckets[micros] = buckets.get(micros, 0) + count
    return HistogramCounts(
        sum(counts.total_us for counts in ordered),
        max((counts.max_s for counts in ordered), default=0.0),
        tuple(sorted(buckets.items())),
    )


class LatencyHistogram:
    """Counts of durations. `count` durations are in it; the longest was `max_s` seconds.

    `total_us` is their sum in microseconds, each cut to whole ones and to the range 0 to `MAX_US`.
    """

    __slots__ = ("_counts", "count", "max_s", "total_us")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.max_s = 0.0
        self.total_us = 0

    @classmethod
    def of(cls, counts: HistogramCounts) -> "LatencyHistogram":
        """A histogram that holds these. Raises ValueError for what is no bucket, see `add`."""
        histogram = cls()
        histogram.add(counts)
        return histogram

    def record(self, duration_s: float) -> None:
        """Count one duration; a negative one (clock steps) counts as zero."""
        micros = int(duration_s * 1e6)
        if micros < 0:
            micros = 0
        elif micros > MAX_US:
            micros = MAX_US
        shift = micros.bit_length() - SUB_BUCKET_BITS
        if shift <= 0:
            self._counts[micros] += 1
        else:
            self._counts[(shift << (SUB_BUCKET_BITS - 1)) + (micros >> shift)] += 1
        self.count += 1
        self.total_us += micros
        if duration_s > self.max_s:  # noqa: PLR1730 - half the cost of max(), in the hottest place
            self.max_s = duration_s

    def add(self, counts: HistogramCounts) -> None:
        """Add what another histogram counted; exact. Raises ValueError for what is no bucket of ours."""
        places = [(_bucket(micros), count) for micros, count in counts.buckets if 0 <= micros <= MAX_US]
        if [_lowest_us(place) for place, _ in places] != [micros for micros, _ in counts.buckets]:
            raise ValueError("a histogram with other buckets")
        for place, count in places:
            self._counts[place] += count
            self.count += count
        self.total_us += counts.total_us
        self.max_s = max(self.max_s, counts.max_s)

    def take_in(self, other: "LatencyHistogram") -> None:
        """Add what another histogram counted, in less time than `add` takes."""
        mine, theirs = self._counts, other._counts
        for place in compress(range(other._end()), theirs):
            mine[place] += theirs[place]
        self.count += other.count
        self.total_us += other.total_us
        self.max_s = max(self.max_s, other.max_s)

    def counts(self) -> HistogramCounts:
        """What it holds now."""
        return HistogramCounts(self.total_us, self.max_s, tuple(self.buckets()))

    def buckets(self) -> list[tuple[int, int]]:
        """(lowest µs of the bucket, count) of every bucket that holds something, rising."""
        counts = self._counts
        return list(compress(zip(_LOWEST_US[: self._end()], counts, strict=False), counts))

    def to_hdr(self, tag: str) -> HdrHistogram:
        """The same counts as an HdrHistogram of 1 µs to 1 h, three significant digits."""
        histogram = HdrHistogram(1, MAX_US, 3)
        histogram.set_tag(tag)
        for micros, count in self.buckets():
            histogram.record_value(micros, count)
        return histogram

    def latency(self) -> Latency | None:
        """The percentiles, in ms; None when nothing was recorded."""
        if not self.count:
            return None
        percentiles = [50.0, 90.0, 95.0, 99.0, 99.9]
        found = self.to_hdr("").get_percentile_to_value_dict(percentiles)
        p50, p90, p95, p99, p999 = (min(found[each] / 1000, self.max_s * 1000) for each in percentiles)
        return Latency(
            count=self.count,
            p50_ms=p50,
            p90_ms=p90,
            p95_ms=p95,
            p99_ms=p99,
            p999_ms=p999,
            max_ms=self.max_s * 1000,
        )

    def _end(self) -> int:
        """Behind the last bucket that holds something."""
        return _bucket(min(int(self.max_s * 1e6), MAX_US)) + 1 if self.count else 0


class SparseHistogram:
    """The same counts in little memory, for what is rarely recorded into."""

    __slots__ = ("_counts", "max_s", "total_us")

    def __init__(self) -> None:
        self._counts = Counter[int]()
        self.max_s = 0.0
        self.total_us = 0

    def record(self, duration_s: float) -> None:
        """Count one duration, as `LatencyHistogram.record` does."""
        micros = min(max(int(duration_s * 1e6), 0), MAX_US)
        self._counts[_lowest_us(_bucket(micros))] += 1
        self.total_us += micros
        self.max_s = max(self.max_s, duration_s)

    def counts(self) -> HistogramCounts:
        """What it holds now."""
        return HistogramCounts(self.total_us, self.max_s, tuple(sorted(self._counts.items())))


def _bucket(micros: int) -> int:
    shift = max(0, micros.bit_length() - SUB_BUCKET_BITS)
    return (shift << (SUB_BUCKET_BITS - 1)) + (micros >> shift)


def _lowest_us(index: int) -> int:
    if index < 1 << SUB_BUCKET_BITS:
        return index
    half = SUB_BUCKET_BITS - 1
    shift = (index >> half) - 1
    return (index - (shift << half)) << shift


_LOWEST_US = tuple(_lowest_us(place) for place in range(_BUCKETS))
