"""Pop: look (core/looking.py), and if asked wait until there is something to look at.

What is pushed after a look began is announced, and a waiter joins the wake-ups before it looks. Who is woken,
and who looks for what nobody announces (a lease that runs out, a message that falls due): core/wakeups.py.

A pop that finds messages at once needs no task of its own: `Popper.board` is that short way, `pop` is the
whole one. A poll that finds nothing there has looked before it joined the wake-ups; it looks again only if
something was heard of its queue meanwhile. One in whose line the first is parked waits behind it without a
look: of consumers that come back after each message all but the first would ask in vain.

A client that leaves while its poll looks or waits keeps no lease. One that leaves later, or a look whose
answer the database could not deliver (`OutcomeUnknown`), may keep it until it runs out; so may a look that a
second signal cuts off, since giving back is one more call to what the server no longer waits for. An
auto-acked delivery is lost in all of these cases: at most once.
"""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol
from uuid import UUID, uuid4

from msgspec import Struct
from msgspec.structs import replace

from queen.core.deadline import Deadline
from queen.core.looking import Looker, PopRequest
from queen.core.rider import Rider
from queen.core.sharing import Boarded
from queen.core.store import Claimed, PopQuery, PopResult, UnknownGroup, UnknownPartition
from queen.core.wakeups import Waiter, Wakeups
from queen.errors import DataRefused, OutcomeUnknown

FALLBACK_POLL_S = 1.0  # the first in line looks at least this often where the watch cannot look for it
_SHORTEST_PAUSE_MS = 5.0
_NOTHING = PopResult(claimed=())


class Delivery(Struct, frozen=True):
    """Messages under one lease (`lease_id` None: auto-acked)."""

    lease_id: UUID | None
    claimed: Sequence[Claimed]  # one for each partition; never empty

    @property
    def messages(self) -> int:
        """How many."""
        return sum(claimed.messages for claimed in self.claimed)


# What a pop comes to, or what is still to be done for it.
Landed = Delivery | Coroutine[Any, Any, Delivery | None] | None


class Listener(Protocol):
    """Whoever waits for the answer, as far as a pop must know."""

    @property
    def gone(self) -> bool:
        """Whether nobody waits any more."""
        ...

    def on_gone(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back once when the listener goes away; returns a function that takes this back."""
        ...


class Popper:
    """The pop operation of one server process."""

    def __init__(self, looker: Looker, wakeups: Wakeups) -> None:
        self._looker = looker
        self._wakeups = wakeups

    def board(self, request: PopRequest, listener: Listener) -> Boarded[Landed] | None:
        """The short way to a pop. None: `pop` must do it. It lands with what `pop` gives and raises."""
        if self._need_not_look(request):
            return None
        lease_id = None if request.auto_ack else uuid4()
        rider = self._looker.board(request, lease_id)
        if rider is None:
            return None
        until, looked = Deadline.after_ms(request.wait_ms), self._wakeups.now
        return Boarded(rider, partial(self._land, request, listener, lease_id, until, looked, rider))

    def _land(
        self,
        request: PopRequest,
        listener: Listener,
        lease_id: UUID | None,
        until: Deadline,
        looked: int,
        rider: Rider[PopQuery, PopResult],
    ) -> Landed:
        try:
            found = rider.result()
        except (UnknownGroup, UnknownPartition):
            self._looker.forget(request)
            return self._pursue(request, listener, until)
        except DataRefused:
            return self._pursue(request, listener, until)  # which asks for less
        except OutcomeUnknown as error:
            return self._looker.give_back(lease_id, error)
        if found.claimed:
            return self._handed_over(request, Delivery(lease_id, found.claimed), listener)
        if found.blocked_partition is not None:
            return self._pursue(request, listener, until)
        return None if request.wait_ms == 0 else self._pursue(request, listener, until, (found, looked))

    async def pop(self, request: PopRequest, listener: Listener) -> Delivery | None:
        """Messages for the group, or None when there are none in time.

        A listener that has gone gets nothing and keeps no lease: what was claimed for it is given back. A
        batch that the database cannot give in one piece (1 GiB) comes in smaller ones.
        """
        known = (_NOTHING, self._wakeups.now) if self._need_not_look(request) else None
        return await self._pursue(request, listener, Deadline.after_ms(request.wait_ms), known)

    def _need_not_look(self, request: PopRequest) -> bool:
        """Whether a poll may park at once: the first of its line knows that there is nothing.

        Not where a group begins with what is pushed from now on: if it was deleted elsewhere, a look makes it
        anew.
        """
        return (
            request.wait_ms > 0
            and request.mode == "all"
            and self._wakeups.settled(request.queue, request.group, request.partition)
        )

    async def _pursue(
        self,
        request: PopRequest,
        listener: Listener,
        until: Deadline,
        known: tuple[PopResult, int] | None = None,
    ) -> Delivery | None:
        """Look and wait by turns. `known`: what a look that claimed nothing has found, and when it began."""
        waiter = self._wakeups.join(request.queue, request.group, request.partition)
        forget = listener.on_gone(waiter.wake)
        try:
            if known and not (listener.gone or self._wakeups.changed_since(request.queue, known[1])):
                await self._park(waiter, known[0], until)
            while not listener.gone:
                lease_id = None if request.auto_ack else uuid4()
                try:
                    with waiter.looking():
                        found = await self._looker.look(request, lease_id)
                except DataRefused:
                    if request.batch == 1:
                        raise
                    request = replace(request, batch=request.batch // 2)
                    continue
                if found.claimed:
                    done = self._handed_over(request, Delivery(lease_id, found.claimed), listener)
                    if isinstance(done, Delivery):
                        return done
                    await done
                    return None
                if until.passed or self._wakeups.closed:
                    break
                await self._park(waiter, found, until)
            return None
        finally:
            forget()
            self._wakeups.leave(waiter)

    def _handed_over(
        self, request: PopRequest, delivery: Delivery, listener: Listener
    ) -> Delivery | Coroutine[Any, Any, None]:
        if listener.gone and delivery.lease_id is not None:
            return self._release(request, delivery, delivery.lease_id)
        if request.auto_ack and delivery.messages == request.batch:
            self._wake_others(request, delivery)  # the partition is free, and may hold more
        return delivery

    async def _release(self, request: PopRequest, delivery: Delivery, lease_id: UUID) -> None:
        await self._looker.release(lease_id)
        self._wake_others(request, delivery)

    def _wake_others(self, request: PopRequest, delivery: Delivery) -> None:
        partitions = {claimed.partition for claimed in delivery.claimed}
        self._wakeups.wake(request.queue, partitions, request.group)

    async def _park(self, waiter: Waiter, found: PopResult, until: Deadline) -> None:
        pause_s = until.remaining_s()
        if self._wakeups.leads(waiter):
            waiter.place = self._looker.place(waiter.queue, waiter.group, waiter.partition)
            if waiter.place is None:
                pause_s = min(pause_s, FALLBACK_POLL_S)
            if found.next_in_ms is not None:
                pause_s = min(pause_s, max(found.next_in_ms, _SHORTEST_PAUSE_MS) / 1000)
        await waiter.wait(pause_s, unsure=found.blocked_partition is not None)
