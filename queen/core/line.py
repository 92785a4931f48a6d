"""The line of calls that wait to share one: in the order of asking, each up to an instant of its own."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol

from queen.core.deadline import Deadline
from queen.core.rider import Answer, Asked, Rider
from queen.errors import PoolTimeout, QueenError


class Figures(Protocol):
    """Whoever counts those who wait to board."""

    def watch(self, waits_s: Callable[[], Sequence[float]]) -> None:
        """Ask `waits_s` who waits, and for how long."""
        ...

    def boarded(self, waits_s: Sequence[float]) -> None:
        """These boarded, so long after they asked."""
        ...

    def left(self, wait_s: float, timed_out: bool) -> None:
        """One left the line: it was told that it waited too long, or nobody waits for it."""
        ...


class Line(Generic[Asked, Answer]):
    """Who waits, for `boarding_ms` or until its deadline; then it is told a `PoolTimeout`."""

    def __init__(self, boarding_ms: float, figures: Figures) -> None:
        self.riders: deque[Rider[Asked, Answer]] = deque()
        self.weight = 0  # of those in it, also of who has given up
        self._boarding_s = boarding_ms / 1000
        self._figures = figures
        figures.watch(self._waits_s)

    def join(self, asked: Asked, weight: int, deadline: Deadline) -> Rider[Asked, Answer]:
        """Wait behind the others."""
        asked_s = time.monotonic()
        boards_by_s = min(deadline.at_s, asked_s + self._boarding_s)
        rider: Rider[Asked, Answer] = Rider(asked, weight, deadline, asked_s, boards_by_s)
        self.riders.append(rider)
        self.weight += weight
        return rider

    def take(self, room: int) -> list[Rider[Asked, Answer]]:
        """From its beginning who fits in: one, however heavy, or several."""
        taken: list[Rider[Asked, Answer]] = []
        now_s = time.monotonic()
        riders = self.riders
        while riders and (not taken or riders[0].weight <= room):
            rider = riders.popleft()
            self.weight -= rider.weight
            if rider.done or rider.boards_by_s <= now_s:
                self._send_away(rider, PoolTimeout())
            else:
                taken.append(rider)
                room -= rider.weight
        self._figures.boarded([now_s - rider.asked_s for rider in taken])
        return taken

    def expire(self) -> None:
        """Send away whose time is over."""
        now_s = time.monotonic()
        while self.riders and (self.riders[0].done or self.riders[0].boards_by_s <= now_s):
            self._send_away(self._leave(), PoolTimeout())

    def expires_in_s(self) -> float:
        """When the time of the first one is over; there must be one."""
        return max(0.0, self.riders[0].boards_by_s - time.monotonic())

    def close(self, error: QueenError) -> None:
        """Send everybody away."""
        while self.riders:
            self._send_away(self._leave(), error)

    def _leave(self) -> Rider[Asked, Answer]:
        rider = self.riders.popleft()
        self.weight -= rider.weight
        return rider

    def _send_away(self, rider: Rider[Asked, Answer], error: QueenError) -> None:
        timed_out = isinstance(error, PoolTimeout) and not rider.done
        self._figures.left(time.monotonic() - rider.asked_s, timed_out)
        asyncio.get_running_loop().call_soon(rider.tell, error)  # who is told may ask again at once

    def _waits_s(self) -> list[float]:
        now_s = time.monotonic()
        return [now_s - rider.asked_s for rider in self.riders]
