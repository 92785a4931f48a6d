"""How much a worker does of what it can: of its thread's processor time, and of its share of the pool."""

import time
from collections.abc import Callable

LOOK_S = 0.5  # between two looks at least
QUITE = 0.8  # what a pool counts for that is used up without anybody waiting: there is room until then


class Work:
    """The work of one worker, seen about once a second.

    `demand_s`: time integral of the borrowed connections and of the requests that wait, over the pool's size;
    `used_s`: the processor time of this thread, which comes to 1 a second only when it never waits; `clock`.
    All in seconds.
    """

    def __init__(
        self,
        demand_s: Callable[[], float],
        used_s: Callable[[], float] = time.thread_time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sums = demand_s, used_s
        self._clock = clock
        self._looked_s = clock()
        self._demand_s, self._used_s = demand_s(), used_s()  # at the last look
        self.now = 0.0  # between the last two looks: 1 is all; more, when requests wait for the pool
        self.lasting = 0.0  # the least of now and the time before

    def look(self) -> float | None:
        """Look again; seconds since the last look, None when it is too soon."""
        now_s = self._clock()
        elapsed_s = now_s - self._looked_s
        if elapsed_s < LOOK_S:
            return None
        demand_s, used_s = (read() for read in self._sums)
        pool, processor = (demand_s - self._demand_s) / elapsed_s, (used_s - self._used_s) / elapsed_s
        self._looked_s, self._demand_s, self._used_s = now_s, demand_s, used_s
        before, self.now = self.now, max(processor, pool if pool > 1 else QUITE * pool)
        self.lasting = min(before, self.now)
        return elapsed_s
