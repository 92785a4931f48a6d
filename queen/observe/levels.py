"""What gauges are made of: levels with their time integrals, durations with their histograms.

Differences of an integral over a window, divided by its length, are time averages, so nothing between two
samples is missed. Histograms are counts by upper bound in ms, the last bucket unbounded.
"""

import operator
import time
from bisect import bisect_left
from collections.abc import Callable

from msgspec import Struct

BOUNDS_MS = (
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
    200.0,
    500.0,
    1000.0,
    2000.0,
    5000.0,
    10000.0,
)


class DurationHistogram(Struct, frozen=True, rename="camel"):
    """Counts of durations at most `le_ms[i]` and above the bound before; one more for all above."""

    le_ms: tuple[float, ...]
    counts: tuple[int, ...]

    def __add__(self, other: "DurationHistogram") -> "DurationHistogram":
        """Both, over the same bounds."""
        return DurationHistogram(self.le_ms, tuple(map(operator.add, self.counts, other.counts)))


class Level:
    """A level and its time integral."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._since_s = clock()
        self._area = 0.0
        self.now = 0

    def step(self, by: int) -> None:
        """Raise it, or lower it by a negative number."""
        now_s = self._clock()
        self._area += self.now * (now_s - self._since_s)
        self._since_s = now_s
        self.now += by

    @property
    def area(self) -> float:
        """The integral up to now, in seconds."""
        return self._area + self.now * (self._clock() - self._since_s)


class Durations:
    """A sum and a histogram."""

    def __init__(self) -> None:
        self.sum_s = 0.0
        self._counts = [0] * (len(BOUNDS_MS) + 1)

    def add(self, *durations_s: float) -> None:
        """Count them."""
        counts = self._counts
        for duration_s in durations_s:
            self.sum_s += duration_s
            counts[bisect_left(BOUNDS_MS, duration_s * 1000)] += 1

    @property
    def histogram(self) -> DurationHistogram:
        """All that were counted."""
        return DurationHistogram(BOUNDS_MS, tuple(self._counts))
