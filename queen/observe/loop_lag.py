"""Event-loop lag: how much later than asked for the loop runs a task (ms).

The lag is what every request on this loop waits beside its own work: a loop that is busy, or blocked
by a computation, shows here first. uvloop's timers count whole milliseconds: below one there is no news.

A block is sure to be seen when it lasts longer than the pause between two samples; of a shorter one that
part of the pause is the chance. So the pause is short while anything happens on the loop. For an idle one ten
looks a second were most of what an idle server took: after a window without news - hardly any CPU time of
this thread, and no long lag - the pause is longer, until there is news again. A short lag without CPU time
is none: machines stand still for some tens of milliseconds now and then, and that is kept as a sample, but
looking closer would find nothing. What may pass unseen is a single block shorter than the longer pause,
after at least a window of silence.
"""

import asyncio
import time
from collections import deque

INTERVAL_S = 0.1
RESTING_INTERVAL_S = 0.5
WINDOW_S = 10.0
NEWS_CPU_S = 0.01  # since the last sample
NEWS_LAG_S = 0.1


class LoopLag:
    """Measures the lag once every interval; keeps the largest of a window."""

    def __init__(
        self,
        interval_s: float = INTERVAL_S,
        resting_interval_s: float = RESTING_INTERVAL_S,
        window_s: float = WINDOW_S,
    ) -> None:
        self._close_s = interval_s
        self._resting_s = resting_interval_s
        self._window_s = window_s
        self._samples: deque[tuple[float, float]] = deque()  # when (monotonic), lag; both s
        self._news_s = time.monotonic()  # when there was any

    @property
    def worst_ms(self) -> float:
        """The largest sample of the window (the last ten seconds by default); 0.0 before the first."""
        since_s = time.monotonic() - self._window_s
        return 1000 * max((lag_s for taken_s, lag_s in self._samples if taken_s >= since_s), default=0.0)

    @property
    def pause_s(self) -> float:
        """From the last sample to the next."""
        rests = time.monotonic() - self._news_s > self._window_s
        return self._resting_s if rests else self._close_s

    async def measure_forever(self) -> None:
        """Take samples until cancelled; the worker owns the task that runs this."""
        used_s = time.thread_time()
        while True:
            pause_s = self.pause_s
            due_s = time.monotonic() + pause_s
            await asyncio.sleep(pause_s)
            before_s, used_s = used_s, time.thread_time()
            self._take(max(0.0, time.monotonic() - due_s), used_s - before_s)

    def _take(self, lag_s: float, used_s: float) -> None:
        now_s = time.monotonic()
        while self._samples and self._samples[0][0] < now_s - self._window_s:
            self._samples.popleft()
        self._samples.append((now_s, lag_s))
        if used_s >= NEWS_CPU_S or lag_s >= NEWS_LAG_S:
            self._news_s = now_s
