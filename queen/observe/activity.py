"""How much a server has done: counts since the start, and the rate of the last seconds."""

import time
from collections import deque
from collections.abc import Callable
from itertools import repeat

_WINDOW_S = 10


class Meter:
    """A count and its rate a second over the last ten whole seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = int(clock())
        self._second_ends_s = self._start + 1.0
        # The total when the present second began, last, and when each of the ten before it did.
        self._totals = deque([0] * (_WINDOW_S + 1), maxlen=_WINDOW_S + 1)
        self.total = 0

    def add(self, count: int) -> None:
        """Count some more."""
        if self._clock() >= self._second_ends_s:
            self._begin_second()
        self.total += count

    @property
    def rate(self) -> float:
        """Per second; over the time since the start while that is shorter than the window."""
        second = self._begin_second()
        seconds = min(_WINDOW_S, max(1, second - self._start))
        return (self._totals[-1] - self._totals[0]) / seconds

    def _begin_second(self) -> int:
        """The present second, begun if it was not yet."""
        second = int(self._clock())
        begun = second + 1 - int(self._second_ends_s)
        self._totals.extend(repeat(self.total, begun))
        self._second_ends_s = second + 1.0
        return second


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
