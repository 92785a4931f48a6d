"""Sharing: calls of the store that arrive while one is in flight ride in the next one, whoever they are from.

- Nothing waits in order to gather more: a call that finds nothing in flight departs at the end of the event
  loop's present round, together with whatever else that round brought.
- The next flight takes who waits when this one lands, in the order of arrival, up to `weight` (and at least
  one rider, however heavy). Up to `flights` are under way at a time, a further one only when it is full.
- A flight that is up for `LATE_S` is late - a lock, a slow disk, a far database - and no longer counts: who
  waits does not wait for it, and one that is stuck holds up nobody but its own riders.
- Who has waited for `boarding_ms` gets a `PoolTimeout`: it is the wait for a turn in the database, and
  nothing was done.
- A rider's failure stays its own: a flight that the database refuses is flown again in two halves, and so on.
  A failure that is no rider's fault (no connection, no answer) is everybody's.
- A rider is a future, so a call needs no task of its own; a flight is a task, and flies on as long as
  somebody waits. Who stops waiting while in the air changes nothing: what was asked for is done all the same.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from queen.core.deadline import Deadline
from queen.core.store import UnknownPartition
from queen.errors import BadRequest, OutcomeUnknown, PoolTimeout, QueenError, ShuttingDown, StatementFailed

LATE_S = 0.05  # many times what a call takes where sharing it pays

_log = logging.getLogger("queen.store")

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Call = Callable[[Sequence[Asked], Deadline], Awaitable[Sequence[Answer | Exception]]]


class Rider(Generic[Asked, Answer]):
    """One call on its way; `turn` is done when it has landed."""

    __slots__ = ("asked", "boards_by", "deadline", "turn", "weight")

    def __init__(
        self,
        asked: Asked,
        weight: int,
        deadline: Deadline,
        boards_by: Deadline,
        turn: "asyncio.Future[Answer]",
    ) -> None:
        self.asked = asked
        self.weight = weight
        self.deadline = deadline
        self.boards_by = boards_by
        self.turn = turn

    def tell(self, outcome: Answer | Exception) -> None:
        """End its wait; one that was cancelled meanwhile is not told."""
        if self.turn.done():
            return
        if isinstance(outcome, Exception):
            self.turn.set_exception(outcome)
        else:
            self.turn.set_result(outcome)


class Shared(Generic[Asked, Answer]):
    """Calls by way of `call`, many at a time.

    It gives an outcome for each, in their order, or fails for all.
    """

    def __init__(self, call: Call[Asked, Answer], *, flights: int, weight: int, boarding_ms: float) -> None:
        self._call = call
        self._most_flights = flights
        self._most_weight = weight
        self._boarding_ms = boarding_ms
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Rider[Asked, Answer]] = deque()
        self._waiting_weight = 0  # of those in `_waiting`, also of who has given up
        self._flights: dict[asyncio.Task[None], float] = {}  # when it took off, in the event loop's time
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def flying(self) -> int:
        """Flights under way."""
        return len(self._flights)

    @property
    def waiting(self) -> int:
        """Calls that wait to board, and some that have given up."""
        return len(self._waiting)

    def board(self, asked: Asked, weight: int, deadline: Deadline) -> "asyncio.Future[Answer]":
        """Ask in company. Fails with `PoolTimeout` when no flight comes in time, else as the call does."""
        turn: asyncio.Future[Answer] = self._loop.create_future()
        boards_by = deadline.within_ms(self._boarding_ms)
        self._waiting.append(Rider(asked, weight, deadline, boards_by, turn))
        self._waiting_weight += weight
        self._depart_if_due()
        if self._watch is None:
            self._watch_who_waits()
        return turn

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Own the flights: those still under way at the end of the block are cut off."""
        try:
            yield
        finally:
            self._closed = True
            flights = list(self._flights)
            for flight in flights:
                flight.cancel()
            await asyncio.gather(*flights, return_exceptions=True)
            for rider in self._waiting:
                rider.tell(ShuttingDown("the server is shutting down"))
            if self._watch is not None:
                self._watch.cancel()

    def _depart_if_due(self) -> None:
        if self._waiting and self._may_depart(self._flights.values()) and not self._closed:
            flight = self._loop.create_task(self._fly())
            self._flights[flight] = self._loop.time()
            flight.add_done_callback(self._landed)

    def _may_depart(self, others: Collection[float]) -> bool:
        """Whether one more flight may take off beside those that took off at these times."""
        if not others:
            return True
        late_s = self._loop.time() - LATE_S
        on_time = sum(since_s > late_s for since_s in others)
        return not on_time or (on_time < self._most_flights and self._waiting_weight >= self._most_weight)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        del self._flights[flight]
        if flight.cancelled():
            return
        if (error := flight.exception()) is not None:
            _log.error("flight_failed", exc_info=error)
        self._depart_if_due()

    async def _fly(self) -> None:
        flight = asyncio.current_task(self._loop)
        assert flight is not None
        riders: list[Rider[Asked, Answer]] = []
        try:
            while riders := self._board():
                self._flights[flight] = self._loop.time()
                for rider, outcome in zip(riders, await self._outcomes(riders), strict=True):
                    rider.tell(outcome)
                if not self._may_depart(
                    [since_s for other, since_s in self._flights.items() if other != flight]
                ):
                    break
        except BaseException:  # cut off, or a defect of ours
            for rider in riders:
                rider.tell(OutcomeUnknown("the call was cut off, the outcome is unknown"))
            raise

    def _board(self) -> list[Rider[Asked, Answer]]:
        """Take from the line, in its order, who fits in."""
        riders: list[Rider[Asked, Answer]] = []
        room = self._most_weight
        while self._waiting and (not riders or self._waiting[0].weight <= room):
            rider = self._waiting.popleft()
            self._waiting_weight -= rider.weight
            if not rider.turn.done():
                riders.append(rider)
                room -= rider.weight
        return riders

    def _watch_who_waits(self) -> None:
        """Look after them when the flights may be late, and by the time at which the first must board."""
        if self._waiting:
            after_s = min(self._waiting[0].boards_by.remaining_s(), LATE_S)
            self._watch = self._loop.call_later(after_s, self._look_after_who_waits)

    def _look_after_who_waits(self) -> None:
        self._watch = None
        while self._waiting and (self._waiting[0].turn.done() or self._waiting[0].boards_by.passed):
            rider = self._waiting.popleft()
            self._waiting_weight -= rider.weight
            rider.tell(PoolTimeout())
        self._depart_if_due()
        self._watch_who_waits()

    async def _outcomes(self, riders: Sequence[Rider[Asked, Answer]]) -> Sequence[Answer | Exception]:
        """One for each rider."""
        deadline = max(rider.deadline for rider in riders)
        try:
            return await self._call([rider.asked for rider in riders], deadline)
        except (BadRequest, StatementFailed, UnknownPartition) as error:
            if len(riders) == 1:
                return [error]
            middle = len(riders) // 2
            return [*await self._outcomes(riders[:middle]), *await self._outcomes(riders[middle:])]
        except QueenError as error:
            return [error] * len(riders)
