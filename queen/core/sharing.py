"""Sharing: calls of the store that arrive while one is in flight ride in the next one, whoever they are from.

- Nothing waits in order to gather more: a call that finds nothing in flight departs at the end of the event
  loop's present round, together with whatever else that round brought.
- A flight first gets its connection, at the gate, and then takes who waits, in the order of arrival, up to
  `weight` (and at least one rider, however heavy). So a rider waits in one line, and for one thing.
- Up to `flights` are under way at a time, a further one only when it is full.
- A flight that is up for `LATE_S`, or as much longer as it carries more than a thousand messages, is late - a
  lock, a slow disk, a far database - and no longer counts: who waits does not wait for it, and one that is
  stuck holds up nobody but its own riders. The same at the gate, where opening a connection may hang, but
  `_MOST_AT_GATE` at a time are enough there.
- Who has waited for `boarding_ms` gets a `PoolTimeout`: from asking to having a connection, and nothing was
  done.
- A rider's failure stays its own: a flight that the database refuses for what is in it is flown again in two
  halves, and so on. A failure that is no rider's fault (no connection, no answer, a full disk) is
  everybody's.
- With a queue many partitions may go at once. After `_MOST_SEARCHES` whoever rides with a partition that is
  gone is told that its own is: it looks again, and has lost nothing.
- A rider (core/rider.py) needs no task of its own; a flight is a task, and flies on as long as somebody
  waits. Who stops waiting while in the air changes nothing: what was asked for is done all the same.
- A flight tells its riders together, in one callback of the event loop, and after the next one has departed:
  the database must not wait while answers are made. Nobody is told from within line or flight, since whoever
  is told may ask again at once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, TypeVar

from msgspec import Struct

from queen.core.deadline import Deadline
from queen.core.line import Figures, Line
from queen.core.rider import Answer, Asked, Rider
from queen.core.store import UnknownPartition
from queen.errors import BadRequest, DataRefused, OutcomeUnknown, PoolTimeout, QueenError, ShuttingDown

LATE_S = 0.05  # many times what a call takes where sharing it pays
_MOST_AT_GATE = 2

# Of pops and of acks; pushes have settings for it. While the answers of one flight are written the other one
# is in the database; a third would only wait for the locks of both. A thousand messages take the database
# longer than the round trip and the commit, and not so long that who comes next waits for nothing else.
_FLIGHTS = 2
_FLIGHT_MESSAGES = 1_000

_MOST_SEARCHES = 20  # calls that find a partition gone: enough to find one rider among a thousand

_log = logging.getLogger("queen.store")

Held = TypeVar("Held")
Landed = TypeVar("Landed")

# Over what is held, a store over one connection: gives an outcome for each, in their order, or fails for all.
Call = Callable[[Held, Sequence[Asked], Deadline], Awaitable[Sequence[Answer | Exception]]]

# Waits for a connection until the deadline, and holds it inside the block.
HoldOf = Callable[[Deadline], AbstractAsyncContextManager[Held]]


class Boarded(Struct, Generic[Landed], frozen=True):
    """A call on its way, without a task of its own.

    Once `rider` is done, `land` gives what the call comes to, or raises its failure.
    """

    rider: Rider[Any, Any]
    land: Callable[[], Landed]


class _Flight:
    """One that is under way: whether it has yet to take riders, and when it is late (event-loop time)."""

    __slots__ = ("at_gate", "late_at_s")

    def __init__(self, now_s: float) -> None:
        self.come_to_gate(now_s)

    def come_to_gate(self, now_s: float) -> None:
        """Wait for a connection."""
        self.at_gate = True
        self.late_at_s = now_s + LATE_S

    def take_off(self, now_s: float, weight: int) -> None:
        """With riders of that weight."""
        self.at_gate = False
        self.late_at_s = now_s + LATE_S * max(1.0, weight / _FLIGHT_MESSAGES)


class Shared(Generic[Held, Asked, Answer]):
    """Calls by way of `call`, many at a time."""

    def __init__(
        self,
        hold: HoldOf[Held],
        call: Call[Held, Asked, Answer],
        *,
        flights: int = _FLIGHTS,
        weight: int = _FLIGHT_MESSAGES,
        boarding_ms: float,
        figures: Figures,
    ) -> None:
        self._hold = hold
        self._call = call
        self._most_flights = flights
        self._most_weight = weight
        self._boarding_ms = boarding_ms
        self._line: Line[Asked, Answer] = Line(boarding_ms, figures)
        self._loop = asyncio.get_running_loop()
        self._flights: dict[asyncio.Task[None], _Flight] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def flying(self) -> int:
        """Flights under way."""
        return len(self._flights)

    @property
    def waiting(self) -> int:
        """Calls that wait to board, and some that have given up."""
        return len(self._line.riders)

    def board(self, asked: Asked, weight: int, deadline: Deadline) -> Rider[Asked, Answer]:
        """Ask in company. Fails with `PoolTimeout` when no flight takes it in time, else as the call does."""
        rider = self._line.join(asked, weight, deadline)
        self._depart_if_due()
        if self._watch is None:
            self._watch_who_waits()
        return rider

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
            self._line.close(ShuttingDown("the server is shutting down"))
            if self._watch is not None:
                self._watch.cancel()

    def _depart_if_due(self) -> None:
        if self._line.riders and self._may_depart(self._flights.values()) and not self._closed:
            flight = _Flight(self._loop.time())
            task = self._loop.create_task(self._fly(flight))
            self._flights[task] = flight
            task.add_done_callback(self._landed)

    def _may_depart(self, others: Collection[_Flight]) -> bool:
        """Whether one more flight may take off beside these: full, also when those at the gate are."""
        if not others:
            return True
        now_s = self._loop.time()
        full = self._line.weight >= self._most_weight
        on_time = at_gate = 0
        for other in others:
            if other.late_at_s > now_s:
                if not full:
                    return False
                on_time += 1
            at_gate += other.at_gate
        if at_gate >= _MOST_AT_GATE:
            return False
        full = self._line.weight >= self._most_weight * (at_gate + 1)
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
        while self._line.riders:
            await self._fly_once(flight)
            others = [other for other in self._flights.values() if other is not flight]
            if not self._may_depart(others):
                break
            flight.come_to_gate(self._loop.time())

    async def _fly_once(self, flight: _Flight) -> None:
        riders: list[Rider[Asked, Answer]] = []
        try:
            async with self._hold(Deadline.after_ms(self._boarding_ms)) as held:
                riders = self._board(flight)
                outcomes = await self._outcomes(held, riders) if riders else ()
            told = list(zip(riders, outcomes, strict=True))
        except PoolTimeout:
            return  # whoever waited as long as this flight has been told; who came later waits on
        except QueenError as error:
            told = [(rider, error) for rider in riders or self._board(flight)]
        except asyncio.CancelledError:
            self._cut_off(riders)
            raise
        except BaseException:  # a defect of ours
            self._cut_off(riders or self._board(flight))
            raise
        self._loop.call_soon(_tell, told)

    def _cut_off(self, riders: Sequence[Rider[Asked, Answer]]) -> None:
        unknown = OutcomeUnknown("the call was cut off, the outcome is unknown")
        self._loop.call_soon(_tell, [(rider, unknown) for rider in riders])

    def _board(self, flight: _Flight) -> list[Rider[Asked, Answer]]:
        """Take from the line, in its order, who fits in. From here on the flight is in the air."""
        riders = self._line.take(self._most_weight)
        flight.take_off(self._loop.time(), sum([rider.weight for rider in riders]))
        self._depart_if_due()
        return riders

    def _watch_who_waits(self) -> None:
        """Look after them when the flights may be late, and by the time at which the first must board."""
        if self._line.riders:
            after_s = min(self._line.expires_in_s(), LATE_S)
            self._watch = self._loop.call_later(after_s, self._look_after_who_waits)

    def _look_after_who_waits(self) -> None:
        self._watch = None
        self._line.expire()
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
                deadline = Deadline(max([rider.deadline.at_s for rider in part]))
                outcomes += await self._call(held, [rider.asked for rider in part], deadline)
            except (BadRequest, DataRefused, UnknownPartition) as error:
                gone = isinstance(error, UnknownPartition)
                searches += gone
                if len(part) == 1 or (gone and searches > _MOST_SEARCHES):
                    outcomes += [error] * len(part)
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
            except QueenError as error:
                outcomes += [error] * len(part)
        return outcomes


def _tell(told: Sequence[tuple[Rider[Asked, Answer], Answer | Exception]]) -> None:
    for rider, outcome in told:
        rider.tell(outcome)
