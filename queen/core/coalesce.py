"""Coalescing: pushes that arrive while a flush is in flight ride in the next one, whoever they are from.

- Nothing waits in order to gather more: a push that finds a free flight departs at once, alone.
- At most `flights` are under way. The next one takes who waits, in the order of arrival, up to `messages`
  (and at least one push, however large). Who has waited for `boarding_ms` gets a `PoolTimeout`: it is
  the wait for a turn in the database, and nothing was done.
- A flight runs in the task of one of its riders, the pilot; when it lands, the first of those who wait
  becomes the next pilot. So there is no task here that somebody else would have to own.
- A rider's failure stays its own: a flush that the database refuses for what is in it is flown again in two
  halves, and so on. A failure that is no rider's fault (no connection, no answer) is everybody's.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from queen.core.deadline import Deadline
from queen.core.store import NewMessage, UnknownPartition
from queen.errors import BadRequest, OutcomeUnknown, PoolTimeout, QueenError, StatementFailed

Existing = dict[int, UUID]  # index of a message → id of the one that is there already
Insert = Callable[[Sequence[NewMessage], Sequence[int], Deadline], Awaitable[Existing]]
Outcome = Existing | QueenError | UnknownPartition


class Rider:
    """One push on its way. Its `turn` comes as an outcome, or as None: it is the next pilot."""

    __slots__ = ("boards_by", "deadline", "messages", "partitions", "turn")

    def __init__(
        self,
        messages: Sequence[NewMessage],
        partitions: Sequence[int],
        deadline: Deadline,
        boarding_ms: float,
    ) -> None:
        self.messages = messages
        self.partitions = partitions
        self.deadline = deadline
        self.boards_by = deadline.within_ms(boarding_ms)
        self.turn: asyncio.Future[Existing | None] = asyncio.get_running_loop().create_future()

    @property
    def is_pilot(self) -> bool:
        """Whether it was told to fly."""
        turn = self.turn
        return turn.done() and not turn.cancelled() and turn.exception() is None and turn.result() is None

    def tell(self, outcome: Outcome | None) -> None:
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
        self._waiting: deque[Rider] = deque()
        self._flying = 0
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def flying(self) -> int:
        """Flights under way."""
        return self._flying

    @property
    def waiting(self) -> int:
        """Pushes that wait to board, and some that have given up."""
        return len(self._waiting)

    async def insert(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> Existing:
        """Like the `insert` that it is made of. Raises `PoolTimeout` when no flight comes in time."""
        rider = Rider(messages, partitions, deadline, self._boarding_ms)
        if self._flying < self._most_flights:
            self._flying += 1
            return await self._fly(rider)
        self._waiting.append(rider)
        self._watch_the_first()
        try:
            landed = await rider.turn
        except asyncio.CancelledError:
            if rider.is_pilot:
                self._hand_over()
            raise
        return await self._fly(rider) if landed is None else landed

    async def _fly(self, pilot: Rider) -> Existing:
        others = self._board(self._most_messages - len(pilot.messages))
        try:
            own, *outcomes = await self._flush([pilot, *others])
        except BaseException:
            for rider in others:
                rider.tell(OutcomeUnknown("the flush was cut off, the outcome is unknown"))
            raise
        finally:
            self._hand_over()
        for rider, outcome in zip(others, outcomes, strict=True):
            rider.tell(outcome)
        if isinstance(own, Exception):
            raise own
        return own

    def _board(self, room: int) -> list[Rider]:
        """Take from the line, in its order, who fits in."""
        riders: list[Rider] = []
        while self._waiting and len(self._waiting[0].messages) <= room:
            rider = self._waiting.popleft()
            if not rider.turn.done():
                riders.append(rider)
                room -= len(rider.messages)
        return riders

    def _hand_over(self) -> None:
        """A flight is free: the first who still waits is its pilot, or nobody is."""
        while self._waiting:
            rider = self._waiting.popleft()
            if not rider.turn.done():
                rider.tell(None)
                return
        self._flying -= 1

    def _watch_the_first(self) -> None:
        """Have a timer for the first in line; those behind it have more time left, or the same."""
        if self._expiry is None and self._waiting:
            after_s = self._waiting[0].boards_by.remaining_s()
            self._expiry = asyncio.get_running_loop().call_later(after_s, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        while self._waiting and (self._waiting[0].turn.done() or self._waiting[0].boards_by.passed):
            self._waiting.popleft().tell(PoolTimeout())
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
    """What of the whole flush's answer belongs to each rider."""
    shares: list[Outcome] = []
    first = 0
    for rider in riders:
        size = len(rider.messages)
        shares.append(
            {n: existing[first + n] for n in range(size) if first + n in existing} if existing else {}
        )
        first += size
    return shares
