"""Pop: register the group, look, and if asked wait until there is something to look at.

Registering comes first and by itself: a group that subscribes to what is new gets every message that
is pushed after its first request, also when that request found nothing.

A look is one call (postgres/migrations/0004_pop.sql). It leases partitions to the group, all of them under
one lease id: until the lease ends (an ack, a release, a seek, its time) the group gets nothing more from
them, while pushes and other groups go on. `delayedProcessing` holds back each message until it is that old,
`windowBuffer` the whole partition until its newest one is; a look says when the next of these falls due.

A message whose push was answered is not missed. Before the answer the push has made the cursors available
that had nothing to find; a cursor that somebody else holds at the moment of the look is asked for by name,
which waits for it (`_look_as_known`: up to `_LOOKS_AT_ONCE` times, then it counts as nothing found). What is
pushed after the look began is announced, and a waiter joins the wake-ups before it looks. Who is woken, and
who looks for what nobody announces (a lease that runs out, a message that falls due): core/wakeups.py.

Looks share calls (core/sharing.py): those that arrive while one is in flight ride in the next. There they
never wait for a lock, so none of them keeps the others waiting. A look that finds messages needs no task of
its own: `Popper.board` and `land` are that short way, `pop` is the whole one.

A client that leaves while its poll looks or waits keeps no lease. One that leaves later, or a look whose
answer the database could not deliver (`OutcomeUnknown`), may keep it until it runs out; so may a look that a
second signal cuts off, since giving back is one more call to what the server no longer waits for. An
auto-acked delivery is lost in all of these cases: at most once.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn, Protocol
from uuid import UUID, uuid4

from msgspec import Struct
from msgspec.structs import replace

from queen.core.deadline import Deadline, StartDeadline
from queen.core.directory import Directory
from queen.core.sharing import Line, Shared
from queen.core.store import (
    QUEUE_MODE_GROUP,
    Claimed,
    Hold,
    PartitionName,
    Place,
    PopOutcome,
    PopQuery,
    PopResult,
    Store,
    UnknownGroup,
    UnknownPartition,
)
from queen.core.wakeups import Waiter, Wakeups
from queen.errors import DataRefused, OutcomeUnknown, QueenError

FALLBACK_POLL_S = 1.0  # the first in line looks at least this often where the watch cannot look for it
_SHORTEST_PAUSE_MS = 5.0
_MOST_GROUPS = 100_000
_FRESH_STARTS = 3  # looks that find their queue or group deleted meanwhile, one after the other
_LOOKS_AT_ONCE = 16  # looks without a pause while other pops hold what may be ours
_FLIGHTS = 2  # shared calls under way at a time, of one process; the second only when full
_FLIGHT_MESSAGES = 1_000  # that a shared call may bring
_LARGE_BATCH = 250  # from here on a pop has a call of its own: it would hold up all others

Looks = Shared[Store, PopQuery, PopResult]


def shared_looks(hold: Hold, line: Line, boarding_ms: float) -> Looks:
    """Looks into the store, many in a call. Who makes them runs them (`Shared.running`)."""
    return Looks(hold, _look, flights=_FLIGHTS, weight=_FLIGHT_MESSAGES, boarding_ms=boarding_ms, line=line)


async def _look(store: Store, queries: Sequence[PopQuery], deadline: Deadline) -> Sequence[PopOutcome]:
    return await store.pop_together(queries, deadline)


class PopRequest(Struct, frozen=True):
    """What a consumer asks for. `wait_ms` 0: answer at once."""

    queue: str
    partition: str | None
    group: str = QUEUE_MODE_GROUP
    batch: int = 1
    partitions: int = 1
    auto_ack: bool = False
    wait_ms: int = 0
    mode: str = "all"
    start: datetime | None = None


class Delivery(Struct, frozen=True):
    """Messages under one lease (`lease_id` None: auto-acked)."""

    lease_id: UUID | None
    claimed: Sequence[Claimed]  # one for each partition; never empty

    @property
    def messages(self) -> int:
        """How many."""
        return sum(claimed.messages for claimed in self.claimed)


class BoardedPop(Struct, frozen=True):
    """A pop whose first look is on its way."""

    request: PopRequest
    lease_id: UUID | None
    until: Deadline
    turn: asyncio.Future[PopResult]


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

    def __init__(
        self, store: Store, looks: Looks, directory: Directory, wakeups: Wakeups, deadline: StartDeadline
    ) -> None:
        """`deadline`: of each look, and of giving a lease back; a long poll has several."""
        self._store = store
        self._looks = looks
        self._directory = directory
        self._wakeups = wakeups
        self._deadline = deadline
        self._groups: dict[tuple[str, str], int] = {}

    def board(self, request: PopRequest) -> BoardedPop | None:
        """The short way to a pop. None: it has a call of its own, or something has to be found out first."""
        group_id = self._groups.get((request.queue, request.group))
        if group_id is None or request.batch >= _LARGE_BATCH:
            return None
        partition_id = None
        if request.partition is not None:
            known = self._directory.known([PartitionName(request.queue, request.partition)])
            if known is None:
                return None
            partition_id = known[0].id
        lease_id = None if request.auto_ack else uuid4()
        query = _query(request, group_id, partition_id, lease_id)
        turn = self._looks.board(query, request.batch, self._deadline())
        return BoardedPop(request, lease_id, Deadline.after_ms(request.wait_ms), turn)

    def land(
        self, boarded: BoardedPop, listener: Listener
    ) -> Delivery | Coroutine[Any, Any, Delivery | None] | None:
        """What the pop comes to when its turn is done; a coroutine when there is more to do.

        Raises what `pop` raises.
        """
        request, lease_id = boarded.request, boarded.lease_id
        try:
            found = boarded.turn.result()
        except (UnknownGroup, UnknownPartition):
            self._forget(request)
            return self.pop(request, listener, boarded.until)
        except DataRefused:
            return self.pop(request, listener, boarded.until)  # which asks for less
        except OutcomeUnknown as error:
            return self._give_back(lease_id, error)
        if found.claimed:
            return self._handed_over(request, Delivery(lease_id, found.claimed), listener)
        if request.wait_ms == 0 and found.blocked_partition is None:
            return None
        return self.pop(request, listener, boarded.until)

    async def pop(
        self, request: PopRequest, listener: Listener, until: Deadline | None = None
    ) -> Delivery | None:
        """Messages for the group, or None when there are none in time.

        A listener that has gone gets nothing and keeps no lease: what was claimed for it is given back. A
        batch that the database cannot give in one piece (1 GiB) comes in smaller ones.
        """
        until = until or Deadline.after_ms(request.wait_ms)
        waiter = self._wakeups.join(request.queue, request.group, request.partition)
        forget = listener.on_gone(waiter.wake)
        try:
            while not listener.gone:
                lease_id = None if request.auto_ack else uuid4()
                try:
                    with waiter.looking():
                        found = await self._look_or_give_back(request, lease_id)
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
        await self._store.release(lease_id, self._deadline())
        self._wake_others(request, delivery)

    def _wake_others(self, request: PopRequest, delivery: Delivery) -> None:
        partitions = {claimed.partition for claimed in delivery.claimed}
        self._wakeups.wake(request.queue, partitions, request.group)

    async def _register(self, request: PopRequest, deadline: Deadline) -> int:
        key = (request.queue, request.group)
        known = self._groups.get(key)
        if known is not None:
            return known
        registered = await self._store.register_group(
            request.queue, request.group, request.mode, request.start, deadline
        )
        if len(self._groups) >= _MOST_GROUPS:
            self._groups.clear()
        self._groups[key] = registered
        return registered

    async def _look_or_give_back(self, request: PopRequest, lease_id: UUID | None) -> PopResult:
        try:
            return await self._look(request, lease_id)
        except OutcomeUnknown as error:
            await self._give_back(lease_id, error)

    async def _give_back(self, lease_id: UUID | None, error: OutcomeUnknown) -> NoReturn:
        """A look that nobody knows the outcome of may have taken a lease: nobody will ever ack under it."""
        if lease_id is not None:
            with suppress(QueenError):  # then it has to run out
                await self._store.release(lease_id, self._deadline())
        raise error

    async def _look(self, request: PopRequest, lease_id: UUID | None) -> PopResult:
        """Look once. A group or a partition that was deleted since we knew it is found or made anew."""
        for _ in range(_FRESH_STARTS):
            try:
                return await self._look_as_known(request, lease_id)
            except (UnknownGroup, UnknownPartition):
                self._forget(request)
        return PopResult(claimed=())

    def _forget(self, request: PopRequest) -> None:
        """What was known of its group and its partition was wrong."""
        self._groups.pop((request.queue, request.group), None)
        if request.partition is not None:
            self._directory.forget([PartitionName(request.queue, request.partition)])

    async def _look_as_known(self, request: PopRequest, lease_id: UUID | None) -> PopResult:
        deadline = self._deadline()
        group_id = await self._register(request, deadline)
        partition_id = None
        if request.partition is not None:
            name = PartitionName(request.queue, request.partition)
            partition = await self._directory.find(name, deadline)
            if partition is None:
                # Nothing has looked at the group, and it may be gone since we knew it: it registers again,
                # so that what is pushed from now on is for it.
                self._groups.pop((request.queue, request.group), None)
                await self._register(request, deadline)
                return PopResult(claimed=())
            partition_id = partition.id
        query = _query(request, group_id, partition_id, lease_id)
        result = await self._ask(query, deadline)
        looks = 1
        while not result.claimed and result.blocked_partition is not None and looks < _LOOKS_AT_ONCE:
            # Another pop held a partition that looked ready. Ask for that one by name: this waits for
            # the other's commit, and so sees what a push that was answered before us has stored.
            if result.blocked_partition:
                named = _query(request, group_id, result.blocked_partition, lease_id)
                result = await self._store.pop(named, deadline)
                if result.claimed:
                    break
            result = await self._ask(query, deadline)
            looks += 1
        return result

    async def _ask(self, query: PopQuery, deadline: Deadline) -> PopResult:
        if query.batch >= _LARGE_BATCH:
            return await self._store.pop(query, deadline)
        return await self._looks.board(query, query.batch, deadline)

    async def _park(self, waiter: Waiter, found: PopResult, until: Deadline) -> None:
        pause_s = until.remaining_s()
        if self._wakeups.leads(waiter):
            waiter.place = self._place(waiter)
            if waiter.place is None:
                pause_s = min(pause_s, FALLBACK_POLL_S)
            if found.next_in_ms is not None:
                pause_s = min(pause_s, max(found.next_in_ms, _SHORTEST_PAUSE_MS) / 1000)
        await waiter.wait(pause_s)

    def _place(self, waiter: Waiter) -> Place | None:
        group_id = self._groups.get((waiter.queue, waiter.group))
        if group_id is None or waiter.partition is None:
            return None if group_id is None else Place(group_id, None)
        known = self._directory.known([PartitionName(waiter.queue, waiter.partition)])
        return None if known is None else Place(group_id, known[0].id)


def _query(request: PopRequest, group_id: int, partition_id: int | None, lease_id: UUID | None) -> PopQuery:
    return PopQuery(group_id, request.group, partition_id, request.batch, request.partitions, lease_id)
