"""Event-loop lag: how much later than asked for the loop runs a task (ms).

The lag is what every request on this loop waits beside its own work: a loop that is busy, or blocked
by a computation, shows here first. uvloop's timers count whole milliseconds: below one there is no news.
"""

import asyncio
import time
from collections import deque

INTERVAL_S = 0.1
WINDOW_S = 10.0


class LoopLag:
    """Measures the lag once every interval; keeps the largest of a window."""

    def __init__(self, interval_s: float = INTERVAL_S, window_s: float = WINDOW_S) -> None:
        self._interval_s = interval_s
        self._samples_ms: deque[float] = deque([0.0], maxlen=max(1, round(window_s / interval_s)))

    @property
    def worst_ms(self) -> float:
        """The largest sample of the window (the last ten seconds by default); 0.0 before the first."""
        return max(self._samples_ms)

    async def measure_forever(self) -> None:
        """Take samples until cancelled; the worker owns the task that runs this."""
        while True:
            due_s = time.monotonic() + self._interval_s
            await asyncio.sleep(self._interval_s)
            self._samples_ms.append(max(0.0, (time.monotonic() - due_s) * 1000))
