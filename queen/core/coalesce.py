"""Coalescing: pushes that arrive while a flush is in flight ride in the next one, whoever they are from.

- Nothing waits in order to gather more: a push that finds nothing in flight departs at the end of the event
  loop's present round, together with whatever else that round brought.
- The flush after it takes who waits when it lands, in the order of arrival, up to `messages` (and at least
  one push, however large). Up to `flights` are under way at a time, but a further one only when it is full:
  pushes to the same partitions wait for each other's locks, so half-empty flights would only make more round
  trips and more commits of the same messages.
- Who has waited for `boarding_ms` gets a `PoolTimeout`: it is the wait for a turn in the database, and
  nothing was done.
- A rider's failure stays its own: a flush that the database refuses for what is in it is flown again in two
  halves, and so on. A failure that is no rider's fault (no connection, no answer) is everybody's.
- A rider is a future, so a push needs no task of its own; a flight is a task, and flies on as long as
  somebody waits. Who stops waiting while in the air changes nothing: the push is done all the same.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from queen.core.deadline import Deadline
from queen.core.store import NewMessage, UnknownPartition
from queen.errors import (
    BadRequest,
    OutcomeUnknown,
    PoolTimeout,
    QueenError,
    ShuttingDown,
    StatementFailed,
)

_log = logging.getLogger("queen.push")

Existing = dict[int, str]  # index of a message → id of the one that is there already
Insert = Callable[[Sequence[NewMessage], Sequence[int], Deadline], Awaitable[Existing]]
Outcome = Existing | QueenError | UnknownPartition
Turn = asyncio.Future[Existing]


class Rider:
    """One push on its way; `turn` is done when it has landed."""

    __slots__ = ("boards_by", "deadline", "messages", "partitions", "turn")

    def __init__(
        self,
        messages: Sequence[NewMessage],
        partitions: Sequence[int],
        deadline: Deadline,
        boards_by: Deadline,
        turn: Turn,
    ) -> None:
        self.messages = messages
        self.partitions = partitions
        self.deadline = deadline
        self.boards_by = boards_by
        self.turn = turn

    def tell(self, outcome: Outcome) -> None:
        """End its wait; one that was cancelled meanwhile is not told."""
        if self.turn.done():
            return
        if isinstance(outcome, Exception):
            self.turn.set_exception(outcome)
        else:
            self.turn.set_result(outcome)


class Coalescer:
    """Inserts by way of `insert`, many pushes at a time."""

    def __init__(self, insert: Insert, *, flights: int, messages: int, boarding_ms: float) -> None:
        self._insert = insert
        self._most_flights = flights
        self._most_messages = messages
        self._boarding_ms = boarding_ms
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Rider] = deque()
        self._waiting_messages = 0  # of those in `_waiting`, also of who has given up
        self._flights: set[asyncio.Task[None]] = set()
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def flying(self) -> int:
        """Flights under way."""
        return len(self._flights)

    @property
    def waiting(self) -> int:
        """Pushes that wait to board, and some that have given up."""
        return len(self._waiting)

    def board(self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline) -> Turn:
        """Like the `insert` that it is made of. Fails with `PoolTimeout` when no flight comes in time."""
        turn: Turn = self._loop.create_future()
        boards_by = deadline.within_ms(self._boarding_ms)
        self._waiting.append(Rider(messages, partitions, deadline, boards_by, turn))
        self._waiting_messages += len(messages)
        self._depart_if_due()
        if self._expiry is None:
            self._watch_the_first()
        return turn

    async def insert(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> Existing:
        """The same, for whoever waits for it."""
        return await self.board(messages, partitions, deadline)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Own the flights: those still under way at the end of the block are cut off."""
        try:
            yield
        finally:
            flights = list(self._flights)
            for flight in flights:
                flight.cancel()
            await asyncio.gather(*flights, return_exceptions=True)
            for rider in self._waiting:
                rider.tell(ShuttingDown("the server is shutting down"))
            if self._expiry is not None:
                self._expiry.cancel()

    def _depart_if_due(self) -> None:
        flying = len(self._flights)
        if flying and (flying >= self._most_flights or self._waiting_messages < self._most_messages):
            return
        flight = self._loop.create_task(self._fly())
        self._flights.add(flight)
        flight.add_done_callback(self._landed)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        if flight.cancelled():
            return
        if (error := flight.exception()) is not None:
            _log.error("flush_failed", exc_info=error)
        if self._waiting:
            self._depart_if_due()

    async def _fly(self) -> None:
        riders: list[Rider] = []
        try:
            while riders := self._board():
                for rider, outcome in zip(riders, await self._flush(riders), strict=True):
                    rider.tell(outcome)
        except BaseException:  # cut off, or a defect of ours
            for rider in riders:
                rider.tell(OutcomeUnknown("the flush was cut off, the outcome is unknown"))
            raise

    def _board(self) -> list[Rider]:
        """Take from the line, in its order, who fits in."""
        riders: list[Rider] = []
        room = self._most_messages
        while self._waiting and (not riders or len(self._waiting[0].messages) <= room):
            rider = self._waiting.popleft()
            self._waiting_messages -= len(rider.messages)
            if not rider.turn.done():
                riders.append(rider)
                room -= len(rider.messages)
        return riders

    def _watch_the_first(self) -> None:
        """Have a timer for the first in line; those behind it have more time left, or the same."""
        if self._waiting:
            self._expiry = self._loop.call_later(self._waiting[0].boards_by.remaining_s(), self._expire)

    def _expire(self) -> None:
        self._expiry = None
        while self._waiting and (self._waiting[0].turn.done() or self._waiting[0].boards_by.passed):
            rider = self._waiting.popleft()
            self._waiting_messages -= len(rider.messages)
            rider.tell(PoolTimeout())
        self._watch_the_first()

    async def _flush(self, riders: Sequence[Rider]) -> list[Outcome]:
        """One outcome for each rider."""
        messages = [message for rider in riders for message in rider.messages]
        partitions = [partition for rider in riders for partition in rider.partitions]
        try:
            existing = await self._insert(messages, partitions, max(rider.deadline for rider in riders))
        except (BadRequest, StatementFailed, UnknownPartition) as error:
            if len(riders) == 1:
                return [error]
            middle = len(riders) // 2
            return [*await self._flush(riders[:middle]), *await self._flush(riders[middle:])]
        except QueenError as error:
            return [error] * len(riders)
        return _shares(riders, existing)


def _shares(riders: Sequence[Rider], existing: Existing) -> list[Outcome]:
    """What each rider finds of its own."""
    if not existing:
        return [{} for _ in riders]
    shares: list[Outcome] = []
    first = 0
    for rider in riders:
        after = first + len(rider.messages)
        shares.append({index - first: existing[index] for index in range(first, after) if index in existing})
        first = after
    return shares
