"""The gate of the pool: as many turns as connections, strictly first come first served."""

import asyncio
from collections import deque
from contextlib import suppress


class Turns:
    """A counting gate, strictly first come first served."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._queue: deque[asyncio.Future[None]] = deque()

    def take_now(self) -> bool:
        """Take a turn if one is free and nobody waits."""
        if not self._free or self._queue:
            return False
        self._free -= 1
        return True

    async def take(self, timeout_s: float) -> None:
        """Wait for a turn. Raises TimeoutError; a turn that came too late goes to the next in line."""
        if self.take_now():
            return
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._queue.append(turn)
        timer = loop.call_later(timeout_s, _too_late, turn)
        try:
            await turn
        except BaseException:
            if turn.cancelled() or turn.exception() is not None:
                self._forget(turn)
            else:
                self.give_back()
            raise
        finally:
            timer.cancel()

    def _forget(self, turn: "asyncio.Future[None]") -> None:
        with suppress(ValueError):  # it was met by `give_back`
            self._queue.remove(turn)

    def give_back(self) -> None:
        """End a turn: the first in line has it next."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


def _too_late(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())
