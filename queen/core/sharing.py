"""Sharing: calls of the store that arrive while one is in flight ride in the next one, whoever they are from.

- Nothing waits in order to gather more: a call that finds nothing in flight departs at the end of the event
  loop's present round, together with whatever else that round brought.
- A flight first gets its connection, at the gate, and then takes who waits, in the order of arrival, up to
  `weight` (and at least one rider, however heavy). So a rider waits in one line, and for one thing.
- Up to `flights` are under way at a time, a further one only when it is full.
- A flight that is up for `LATE_S` is late - a lock, a slow disk, a far database - and no longer counts: who
  waits does not wait for it, and one that is stuck holds up nobody but its own riders. The same at the gate,
  where opening a connection may hang, but `_MOST_AT_GATE` at a time are enough there.
- Who has waited for `boarding_ms` gets a `PoolTimeout`: from asking to having a connection, and nothing was
  done.
- A rider's failure stays its own: a flight that the database refuses for what is in it is flown again in two
  halves, and so on. A failure that is no rider's fault (no connection, no answer, a full disk) is
  everybody's.
- With a queue many partitions may go at once. After `_MOST_SEARCHES` whoever rides with a partition that is
  gone is told that its own is: it looks again, and has lost nothing.
- A rider is a future, so a call needs no task of its own; a flight is a task, and flies on as long as
  somebody waits. Who stops waiting while in the air changes nothing: what was asked for is done all the same.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, Protocol, TypeVar

from queen.core.deadline import Deadline
from queen.core.store import UnknownPartition
from queen.errors import BadRequest, DataRefused, OutcomeUnknown, PoolTimeout, QueenError, ShuttingDown

LATE_S = 0.05  # many times what a call takes where sharing it pays
_MOST_AT_GATE = 2
_MOST_SEARCHES = 20  # calls that find a partition gone: enough to find one rider among a thousand

_log = logging.getLogger("queen.store")

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Held = TypeVar("Held")

# Over what is held, a store over one connection: gives an outcome for each, in their order, or fails for all.
Call = Callable[[Held, Sequence[Asked], Deadline], Awaitable[Sequence[Answer | Exception]]]

# Waits for a connection until the deadline, and holds it inside the block.
HoldOf = Callable[[Deadline], AbstractAsyncContextManager[Held]]


class Line(Protocol):
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


class Rider(Generic[Asked, Answer]):
    """One call on its way; `turn` is done when it has landed. Instants are of `time.monotonic`."""

    __slots__ = ("asked", "asked_s", "boards_by_s", "deadline", "turn", "weight")

    def __init__(
        self,
        asked: Asked,
        weight: int,
        deadline: Deadline,
        asked_s: float,
        boards_by_s: float,
        turn: "asyncio.Future[Answer]",
    ) -> None:
        self.asked = asked
        self.weight = weight
        self.deadline = deadline
        self.asked_s = asked_s
        self.boards_by_s = boards_by_s
        self.turn = turn

    def tell(self, outcome: Answer | Exception) -> None:
        """End its wait; one that was cancelled meanwhile is not told."""
        if self.turn.done():
            return
        if isinstance(outcome, Exception):
            self.turn.set_exception(outcome)
        else:
            self.turn.set_result(outcome)


class _Flight:
    """One that is under way: since when, in the event loop's time, and whether it has yet to take riders."""

    __slots__ = ("at_gate", "since_s")

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.at_gate = True


class Shared(Generic[Held, Asked, Answer]):
    """Calls by way of `call`, many at a time."""

    def __init__(
        self,
        hold: HoldOf[Held],
        call: Call[Held, Asked, Answer],
        *,
        flights: int,
        weight: int,
        boarding_ms: float,
        line: Line,
    ) -> None:
        self._hold = hold
        self._call = call
        self._most_flights = flights
        self._most_weight = weight
        self._boarding_ms = boarding_ms
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Rider[Asked, Answer]] = deque()
        self._waiting_weight = 0  # of those in `_waiting`, also of who has given up
        self._flights: dict[asyncio.Task[None], _Flight] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False
        line.watch(self._waits_s)

    @property
    def flying(self) -> int:
        """Flights under way."""
        return len(self._flights)

    @property
    def waiting(self) -> int:
        """Calls that wait to board, and some that have given up."""
        return len(self._waiting)

    def board(self, asked: Asked, weight: int, deadline: Deadline) -> "asyncio.Future[Answer]":
        """Ask in company. Fails with `PoolTimeout` when no flight takes it in time, else as the call does."""
        turn: asyncio.Future[Answer] = self._loop.create_future()
        asked_s = time.monotonic()
        boards_by_s = min(deadline.at_s, asked_s + self._boarding_ms / 1000)
        self._waiting.append(Rider(asked, weight, deadline, asked_s, boards_by_s, turn))
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
            while self._waiting:
                self._leave_behind(self._leave_line(), ShuttingDown("the server is shutting down"))
            if self._watch is not None:
                self._watch.cancel()

    def _depart_if_due(self) -> None:
        if self._waiting and self._may_depart(self._flights.values()) and not self._closed:
            flight = _Flight(self._loop.time())
            task = self._loop.create_task(self._fly(flight))
            self._flights[task] = flight
            task.add_done_callback(self._landed)

    def _may_depart(self, others: Collection[_Flight]) -> bool:
        """Whether one more flight may take off beside these: full, also when those at the gate are."""
        if not others:
            return True
        late_s = self._loop.time() - LATE_S
        on_time = at_gate = 0
        for other in others:
            on_time += other.since_s > late_s
            at_gate += other.at_gate
        if at_gate >= _MOST_AT_GATE:
            return False
        full = self._waiting_weight >= self._most_weight * (at_gate + 1)
        return not on_time or (full and on_time < self._most_flights)

    def _landed(self, task: asyncio.Task[None]) -> None:
        del self._flights[task]
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            _log.error("flight_failed", exc_info=error)
        self._depart_if_due()

    async def _fly(self, flight: _Flight) -> None:
        """One flight after the other, as long as somebody waits whom no other flight takes."""
        while True:
            await self._fly_once(flight)
            others = [other for other in self._flights.values() if other is not flight]
            if not self._waiting or not self._may_depart(others):
                break
            flight.since_s = self._loop.time()
            flight.at_gate = True

    async def _fly_once(self, flight: _Flight) -> None:
        riders: list[Rider[Asked, Answer]] = []
        try:
            async with self._hold(Deadline.after_ms(self._boarding_ms)) as held:
                riders = self._board(flight)
                outcomes = await self._outcomes(held, riders) if riders else ()
            for rider, outcome in zip(riders, outcomes, strict=True):
                rider.tell(outcome)
        except PoolTimeout:
            return  # whoever waited as long as this flight has been told; who came later waits on
        except QueenError as error:
            for rider in riders or self._board(flight):
                rider.tell(error)
        except asyncio.CancelledError:
            _cut_off(riders)
            raise
        except BaseException:  # a defect of ours
            _cut_off(riders or self._board(flight))
            raise

    def _board(self, flight: _Flight) -> list[Rider[Asked, Answer]]:
        """Take from the line, in its order, who fits in. From here on the flight is in the air."""
        riders: list[Rider[Asked, Answer]] = []
        room = self._most_weight
        now_s = time.monotonic()
        while self._waiting and (not riders or self._waiting[0].weight <= room):
            rider = self._leave_line()
            if rider.turn.done() or rider.boards_by_s <= now_s:
                self._leave_behind(rider, PoolTimeout())
            else:
                riders.append(rider)
                room -= rider.weight
        self._line.boarded([now_s - rider.asked_s for rider in riders])
        flight.since_s = self._loop.time()
        flight.at_gate = False
        self._depart_if_due()
        return riders

    def _leave_line(self) -> Rider[Asked, Answer]:
        rider = self._waiting.popleft()
        self._waiting_weight -= rider.weight
        return rider

    def _leave_behind(self, rider: Rider[Asked, Answer], error: QueenError) -> None:
        timed_out = isinstance(error, PoolTimeout) and not rider.turn.done()
        self._line.left(time.monotonic() - rider.asked_s, timed_out)
        rider.tell(error)

    def _waits_s(self) -> list[float]:
        now_s = time.monotonic()
        return [now_s - rider.asked_s for rider in self._waiting]

    def _watch_who_waits(self) -> None:
        """Look after them when the flights may be late, and by the time at which the first must board."""
        if self._waiting:
            after_s = min(max(0.0, self._waiting[0].boards_by_s - time.monotonic()), LATE_S)
            self._watch = self._loop.call_later(after_s, self._look_after_who_waits)

    def _look_after_who_waits(self) -> None:
        self._watch = None
        now_s = time.monotonic()
        while self._waiting and (self._waiting[0].turn.done() or self._waiting[0].boards_by_s <= now_s):
            self._leave_behind(self._leave_line(), PoolTimeout())
        self._depart_if_due()
        self._watch_who_waits()

    async def _outcomes(
        self, held: Held, riders: Sequence[Rider[Asked, Answer]]
    ) -> Sequence[Answer | Exception]:
        """One for each rider."""
        outcomes: list[Answer | Exception] = []
        searches = 0
        parts = [riders]  # not flown yet, the next one last
        while parts:
            part = parts.pop()
            try:
                deadline = max(rider.deadline for rider in part)
                outcomes += await self._call(held, [rider.asked for rider in part], deadline)
            except (BadRequest, DataRefused, UnknownPartition) as error:
                searches += isinstance(error, UnknownPartition)
                if len(part) == 1 or searches > _MOST_SEARCHES:
                    outcomes += [error] * len(part)
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
            except QueenError as error:
                outcomes += [error] * len(part)
        return outcomes


def _cut_off(riders: Sequence[Rider[Asked, Answer]]) -> None:
    for rider in riders:
        rider.tell(OutcomeUnknown("the call was cut off, the outcome is unknown"))
