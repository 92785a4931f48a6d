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

A client that leaves while its poll looks or waits keeps no lease. One that leaves later, or a look whose
answer the database could not deliver (`OutcomeUnknown`), may keep it until it runs out. An auto-acked
delivery is lost in all of these cases: at most once.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

from msgspec import Struct

from queen.core.deadline import Deadline, StartDeadline
from queen.core.directory import Directory
from queen.core.store import (
    QUEUE_MODE_GROUP,
    Claimed,
    PartitionName,
    PopQuery,
    PopResult,
    Store,
    UnknownGroup,
    UnknownPartition,
)
from queen.core.wakeups import Waiter, Wakeups
from queen.errors import OutcomeUnknown, QueenError

FALLBACK_POLL_S = 1.0  # the first in line looks at least this often: a lease may end without a word
_SHORTEST_PAUSE_MS = 5.0
_MOST_GROUPS = 100_000
_FRESH_STARTS = 3  # looks that find their queue or group deleted meanwhile, one after the other
_LOOKS_AT_ONCE = 16  # looks without a pause while other pops hold what may be ours


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

    def __init__(self, store: Store, directory: Directory, wakeups: Wakeups, deadline: StartDeadline) -> None:
        """`deadline`: of each look, and of giving a lease back; a long poll has several."""
        self._store = store
        self._directory = directory
        self._wakeups = wakeups
        self._deadline = deadline
        self._groups: dict[tuple[str, str], int] = {}

    async def pop(self, request: PopRequest, listener: Listener) -> Delivery | None:
        """Messages for the group, or None when there are none in time.

        A listener that has gone gets nothing and keeps no lease: what was claimed for it is given back.
        """
        until = Deadline.after_ms(request.wait_ms)
        waiter = self._wakeups.join(request.queue, request.group, request.partition)
        forget = listener.on_gone(waiter.wake)
        try:
            while not listener.gone:
                lease_id = None if request.auto_ack else uuid4()
                with waiter.looking():
                    found = await self._look_or_give_back(request, lease_id)
                if found.claimed:
                    return await self._hand_over(request, Delivery(lease_id, found.claimed), listener)
                if until.passed or self._wakeups.closed:
                    break
                await self._park(waiter, found, until)
            return None
        finally:
            forget()
            self._wakeups.leave(waiter)

    async def _hand_over(
        self, request: PopRequest, delivery: Delivery, listener: Listener
    ) -> Delivery | None:
        if listener.gone and delivery.lease_id is not None:
            await self._store.release(delivery.lease_id, self._deadline())
            self._wake_others(request, delivery)
            return None
        if request.auto_ack and delivery.messages == request.batch:
            self._wake_others(request, delivery)  # the partition is free, and may hold more
        return delivery

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
        """A look that nobody knows the outcome of may have taken a lease: nobody will ever ack under it."""
        try:
            return await self._look(request, lease_id)
        except OutcomeUnknown:
            if lease_id is not None:
                with suppress(QueenError):  # then it has to run out
                    await self._store.release(lease_id, self._deadline())
            raise

    async def _look(self, request: PopRequest, lease_id: UUID | None) -> PopResult:
        """Look once. A group or a partition that was deleted since we knew it is found or made anew."""
        for _ in range(_FRESH_STARTS):
            try:
                return await self._look_as_known(request, lease_id)
            except (UnknownGroup, UnknownPartition):
                self._groups.pop((request.queue, request.group), None)
                if request.partition is not None:
                    self._directory.forget([PartitionName(request.queue, request.partition)])
        return PopResult(claimed=())

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
        query = PopQuery(group_id, request.group, partition_id, request.batch, request.partitions, lease_id)
        result = await self._store.pop(query, deadline)
        looks = 1
        while not result.claimed and result.blocked_partition is not None and looks < _LOOKS_AT_ONCE:
            # Another pop held a partition that looked ready. Ask for that one by name: this waits for
            # the other's commit, and so sees what a push that was answered before us has stored.
            if result.blocked_partition:
                named = PopQuery(
                    group_id, request.group, result.blocked_partition, request.batch, 1, lease_id
                )
                result = await self._store.pop(named, deadline)
                if result.claimed:
                    break
            result = await self._store.pop(query, deadline)
            looks += 1
        return result

    async def _park(self, waiter: Waiter, found: PopResult, until: Deadline) -> None:
        pause_s = until.remaining_s()
        if self._wakeups.leads(waiter):
            pause_s = min(pause_s, FALLBACK_POLL_S)
            if found.next_in_ms is not None:
                pause_s = min(pause_s, max(found.next_in_ms, _SHORTEST_PAUSE_MS) / 1000)
        await waiter.wait(pause_s)
