"""A delay line: what goes in comes out the same time later, in the order it went in.

All that passes has the same delay, so due times only grow: one queue and one timer serve every
connection, and nothing waits for anything but its own time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from queen.local.precise_timer import precise_timer

GRAIN_S = 20e-6  # what is due within this is taken along: below the cost of one more wake-up


class DelayLine:
    """Runs actions `delay_s` after they were put in. Belongs to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_s: float) -> None:
        self._loop = loop
        self._delay_s = delay_s
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._timer = precise_timer(loop, self._expired)

    def put(self, action: Callable[[], None]) -> None:
        """Run the action after the delay; with no delay at once. The action must not raise."""
        if self._delay_s <= 0:
            action()
            return
        due_s = time.monotonic() + self._delay_s
        self._waiting.append((due_s, action))
        if len(self._waiting) == 1:
            self._timer.arm(due_s)

    async def travel(self) -> None:
        """Return after the delay."""
        arrived = self._loop.create_future()
        self.put(partial(_arrive, arrived))
        await arrived

    def close(self) -> None:
        """Forget what has not come out yet."""
        self._waiting.clear()
        self._timer.close()

    def _expired(self) -> None:
        waiting = self._waiting
        limit_s = time.monotonic() + GRAIN_S
        while waiting and waiting[0][0] <= limit_s:
            waiting.popleft()[1]()
        if waiting:
            self._timer.arm(waiting[0][0])


def _arrive(future: asyncio.Future[None]) -> None:
    if not future.done():  # its waiter may have been cancelled
        future.set_result(None)
