"""Pop: register the group, look, and if asked wait until there is something to look at.

Registering comes first and by itself: a group that subscribes to what is new gets every message that
is pushed after its first request, also when that request found nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from msgspec import Struct

from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.store import QUEUE_MODE_GROUP, PartitionName, Popped, PopQuery, PopResult, Store
from queen.core.wakeups import Waiter, Wakeups

FALLBACK_POLL_S = 1.0  # a parked poll looks at least this often: a lease may end without a word
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
    messages: tuple[Popped, ...]


class Popper:
    """The pop operation of one server process."""

    def __init__(
        self, store: Store, directory: Directory, wakeups: Wakeups, statement_timeout_ms: int
    ) -> None:
        self._store = store
        self._directory = directory
        self._wakeups = wakeups
        self._statement_timeout_ms = statement_timeout_ms
        self._groups: dict[tuple[str, str], int] = {}

    async def pop(self, request: PopRequest, gone: Callable[[], bool] = lambda: False) -> Delivery | None:
        """Messages for the group, or None when there are none in time (or the client is `gone`)."""
        group_id = await self._register(request)
        until = Deadline.after_ms(request.wait_ms)
        waiter = self._wakeups.join(request.queue, request.group, request.partition)
        try:
            while not gone():
                waiter.clear()
                lease_id = None if request.auto_ack else uuid4()
                found = await self._look(request, group_id, lease_id)
                if found.messages:
                    return Delivery(lease_id, tuple(found.messages))
                if until.passed or self._wakeups.closed:
                    return None
                await self._park(waiter, found, until)
            return None
        finally:
            self._wakeups.leave(waiter)

    async def _register(self, request: PopRequest) -> int:
        key = (request.queue, request.group)
        if key not in self._groups:
            self._groups[key] = await self._store.register_group(
                request.queue, request.group, request.mode, request.start, self._deadline()
            )
        return self._groups[key]

    async def _look(self, request: PopRequest, group_id: int, lease_id: UUID | None) -> PopResult:
        partition_id = None
        if request.partition is not None:
            name = PartitionName(request.queue, request.partition)
            partition = await self._directory.find(name, self._deadline())
            if partition is None:
                return PopResult(messages=())
            partition_id = partition.id
        query = PopQuery(group_id, partition_id, request.batch, request.partitions, lease_id)
        result = await self._store.pop(query, self._deadline())
        looks = 1
        while not result.messages and result.blocked_partition is not None and looks < _LOOKS_AT_ONCE:
            # Another pop held a partition that looked ready. Ask for that one by name: this waits for
            # the other's commit, and so sees what a push that was answered before us has stored.
            if result.blocked_partition:
                named = PopQuery(group_id, result.blocked_partition, request.batch, 1, lease_id)
                result = await self._store.pop(named, self._deadline())
                if result.messages:
                    break
            result = await self._store.pop(query, self._deadline())
            looks += 1
        return result

    async def _park(self, waiter: Waiter, found: PopResult, until: Deadline) -> None:
        pause_s = min(FALLBACK_POLL_S, until.remaining_s())
        if found.next_at is not None:
            due_s = (found.next_at - datetime.now(UTC)).total_seconds()
            pause_s = min(pause_s, max(due_s, 0.001))
        await waiter.wait(pause_s)

    def _deadline(self) -> Deadline:
        return Deadline.after_ms(self._statement_timeout_ms)
