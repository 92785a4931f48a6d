"""Open connections that nobody uses: the last one put is taken first, so that what is too many rests."""

import asyncio
from collections import deque
from contextlib import suppress

from queen.database_failures import DATABASE_FAILURES
from queen.postgres.connection import Connection, is_lost

CLOSE_TIMEOUT_S = 5.0  # of one that does not answer any more


class Kept:
    """Connections at rest. One that rests for `rest_s` is closed; 0: none ever is."""

    def __init__(self, rest_s: float) -> None:
        self._rest_s = rest_s
        self._resting: deque[tuple[Connection, float]] = deque()  # and since when, in the event loop's time
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def put(self, connection: Connection) -> None:
        """Keep it until it is wanted, or has rested long enough."""
        self._resting.append((connection, self._loop.time()))
        if self._timer is None and self._rest_s:
            self._timer = self._loop.call_later(self._rest_s, self._close_the_rested)

    def take(self) -> "Connection | None":
        """One that is not broken."""
        while self._resting:
            connection, _ = self._resting.pop()
            if not is_lost(connection):
                return connection
        return None

    def take_all(self) -> list[Connection]:
        """All that are not broken."""
        if self._timer is not None:
            self._timer.cancel()
        return list(iter(self.take, None))

    def _close_the_rested(self) -> None:
        self._timer = None
        due_s = self._loop.time() - self._rest_s
        while self._resting and self._resting[0][1] <= due_s:
            connection, _ = self._resting.popleft()
            task = self._loop.create_task(_close(connection))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        if self._resting:
            next_s = self._resting[0][1] + self._rest_s
            self._timer = self._loop.call_at(next_s, self._close_the_rested)


async def _close(connection: Connection) -> None:
    with suppress(*DATABASE_FAILURES):  # it broke while it rested
        await connection.close(timeout=CLOSE_TIMEOUT_S)
