"""The pool's gauges: what `/metrics/pool` tells and the instrument samples.

Names and meanings, all of one process:

- total, idle, waiting: connections open, of them not borrowed, requests that wait to borrow.
- acquires, timeouts, connects, lost: counts since the start. `lost` connections broke while borrowed.
- wait_seconds, hold_seconds: sums over finished waits (asking to having) and holds (having to giving back).
- busy_seconds, waiting_seconds: time integrals of borrowed connections and of waiting requests.
  Differences over a window, divided by its length, are time averages - so nothing between two samples is
  missed.
- wait and hold histograms: counts by upper bound in ms, the last bucket unbounded.
"""

import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

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

P = ParamSpec("P")
R = TypeVar("R")


class DurationHistogram(Struct, frozen=True, rename="camel"):
    """Counts of durations at most `le_ms[i]` and above the bound before; one more for all above."""

    le_ms: tuple[float, ...]
    counts: tuple[int, ...]


class PoolReading(Struct, frozen=True, rename="camel"):
    """One look at the gauges; field names are those of `/metrics/pool`."""

    total_count: int
    idle_count: int
    waiting_count: int
    max_count: int
    acquires: int
    timeouts: int
    connects: int
    lost: int
    wait_seconds: float
    hold_seconds: float
    busy_seconds: float
    waiting_seconds: float
    wait_histogram: DurationHistogram
    hold_histogram: DurationHistogram


class _Integral:
    """A level and its time integral."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since_s = clock()
        self._area = 0.0
        self.level = 0

    def step(self, by: int) -> None:
        now_s = self._clock()
        self._area += self.level * (now_s - self._since_s)
        self._since_s = now_s
        self.level += by

    @property
    def area(self) -> float:
        return self._area + self.level * (self._clock() - self._since_s)


class _Durations:
    """A sum and a histogram."""

    def __init__(self) -> None:
        self.sum_s = 0.0
        self._counts = [0] * (len(BOUNDS_MS) + 1)

    def add(self, duration_s: float) -> None:
        self.sum_s += duration_s
        self._counts[bisect_left(BOUNDS_MS, duration_s * 1000)] += 1

    @property
    def histogram(self) -> DurationHistogram:
        return DurationHistogram(BOUNDS_MS, tuple(self._counts))


class PoolGauges:
    """Counters of one pool. The pool calls; metrics read."""

    def __init__(self, size: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._size = size
        self._busy = _Integral(clock)
        self._waiting = _Integral(clock)
        self._waits = _Durations()
        self._holds = _Durations()
        self._total: Callable[[], int] = lambda: 0
        self.acquires = 0
        self.timeouts = 0
        self.connects = 0
        self.lost = 0

    def watch_total(self, total: Callable[[], int]) -> None:
        """Ask `total` for the number of open connections."""
        self._total = total

    def counting(self, connect: Callable[P, Awaitable[R]]) -> Callable[P, Any]:
        """Wrap a connect function so that connections that were made are counted."""

        async def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            connection = await connect(*args, **kwargs)
            self.connects += 1
            return connection

        return counted

    @contextmanager
    def asking(self) -> Iterator[None]:
        """A request waits for its turn."""
        self._waiting.step(+1)
        try:
            yield
        finally:
            self._waiting.step(-1)

    def acquired(self, waited_s: float) -> None:
        """A connection was borrowed, `waited_s` after it was asked for."""
        self.acquires += 1
        self._waits.add(waited_s)
        self._busy.step(+1)

    def released(self, held_s: float) -> None:
        """A connection was given back after `held_s`."""
        self._holds.add(held_s)
        self._busy.step(-1)

    def timed_out(self) -> None:
        """A request got no connection in time."""
        self.timeouts += 1

    def read(self) -> PoolReading:
        """All figures, at one instant."""
        total = self._total()
        return PoolReading(
            total_count=total,
            idle_count=max(0, total - self._busy.level),
            waiting_count=self._waiting.level,
            max_count=self._size,
            acquires=self.acquires,
            timeouts=self.timeouts,
            connects=self.connects,
            lost=self.lost,
            wait_seconds=self._waits.sum_s,
            hold_seconds=self._holds.sum_s,
            busy_seconds=self._busy.area,
            waiting_seconds=self._waiting.area,
            wait_histogram=self._waits.histogram,
            hold_histogram=self._holds.histogram,
        )
