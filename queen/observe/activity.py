"""How much a server has done: counts since the start, and the rate of the last seconds."""

import time
from collections.abc import Callable

_WINDOW_S = 10


class Meter:
    """A count and its rate a second over the last ten whole seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start_s = clock()
        self._second = int(self._start_s)
        self._buckets = [0] * (_WINDOW_S + 1)  # the current second and the ten before it
        self.total = 0

    def add(self, count: int) -> None:
        """Count some more."""
        second = int(self._clock())
        if second != self._second:
            self._turn(second)
        self.total += count
        self._buckets[second % len(self._buckets)] += count

    @property
    def rate(self) -> float:
        """Per second; over the time since the start while that is shorter than the window."""
        self._turn(int(self._clock()))
        current = self._buckets[self._second % len(self._buckets)]
        seconds = min(_WINDOW_S, max(1, self._second - int(self._start_s)))
        return (sum(self._buckets) - current) / seconds

    def _turn(self, now: int) -> None:
        for second in range(self._second + 1, min(now, self._second + len(self._buckets)) + 1):
            self._buckets[second % len(self._buckets)] = 0
        self._second = now


class Activity:
    """What the metrics tell of the queue's work; the API counts."""

    def __init__(self) -> None:
        self.push_requests = Meter()
        self.pushed = Meter()  # messages stored, duplicates not counted
        self.popped = Meter()
        self.acked = Meter()
        self._started_s = time.monotonic()

    @property
    def uptime_s(self) -> float:
        """Seconds since the server started."""
        return time.monotonic() - self._started_s
