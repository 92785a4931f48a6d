"""Push: fix the ids, see that there is room, find the partitions, store by the strategy, wake who waits.

All items of a request or none, in one transaction (postgres/migrations/0003_push.sql). In a partition the
items keep their order, and pushes follow each other in the order in which they get the partition's lock.

Duplicates are answers, not errors: an item whose (partition, transaction id) is taken, as long as that
message is kept. Message ids are fixed before the first try: when an internal retry meets a message with
our own id, that message is ours and is `queued`. What is tried again by itself was always rolled back: a
deadlock (postgres/calls.py), a queue deleted meanwhile (here), a flush that is sent in halves (coalesce.py).
After an `OutcomeUnknown` only the client can try again, and only a transaction id of its own is recognized
then: an item that left it to the server would be stored a second time.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from msgspec import Struct

from queen.core.backlog import Backlog
from queen.core.coalesce import Insert
from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.ids import uuid7
from queen.core.store import NewMessage, Partition, PartitionName, by_queue
from queen.core.wakeups import Wakeups


class PushItem(Struct, frozen=True):
    """What a client asks for. Empty transaction id: the server makes one."""

    partition: PartitionName
    payload: str
    transaction_id: str = ""
    trace_id: UUID | None = None


class Pushed(Struct, frozen=True):
    """What became of one item. `id` is that of the message in the store, whoever pushed it."""

    id: UUID
    transaction_id: str
    partition: Partition
    duplicate: bool


class Pusher:
    """The push operation of one server process."""

    def __init__(
        self,
        directory: Directory,
        backlog: Backlog,
        wakeups: Wakeups,
        insert: Insert,
    ) -> None:
        self._insert = insert
        self._directory = directory
        self._backlog = backlog
        self._wakeups = wakeups

    async def push(self, items: Sequence[PushItem], deadline: Deadline) -> list[Pushed]:
        """Store the items; one answer for each, in their order. Raises `QueueFull`."""
        messages = [fix(item) for item in items]
        async with self._backlog.room(messages, deadline):
            partitions, existing = await self._directory.with_partitions(
                [message.partition for message in messages],
                deadline,
                lambda partitions: self._store(messages, partitions, deadline),
            )
        for queue, changed in by_queue(partitions).items():
            self._wakeups.wake(queue, changed)
        return pushed(messages, partitions, existing)

    async def _store(
        self,
        messages: Sequence[NewMessage],
        partitions: dict[PartitionName, Partition],
        deadline: Deadline,
    ) -> tuple[dict[PartitionName, Partition], dict[int, UUID]]:
        ids = [partitions[message.partition].id for message in messages]
        return partitions, await self._insert(messages, ids, deadline)


def pushed(
    messages: Sequence[NewMessage],
    partitions: Mapping[PartitionName, Partition],
    existing: Mapping[int, UUID],
) -> list[Pushed]:
    """The answers. A message that is there already with our own id is ours: it is no duplicate."""
    if not existing:
        return [
            Pushed(message.id, message.transaction_id, partitions[message.partition], False)
            for message in messages
        ]
    return [
        Pushed(
            id=existing.get(index, message.id),
            transaction_id=message.transaction_id,
            partition=partitions[message.partition],
            duplicate=existing.get(index, message.id) != message.id,
        )
        for index, message in enumerate(messages)
    ]


def fix(item: PushItem) -> NewMessage:
    """The message of an item, with the ids that it keeps whatever happens."""
    message_id = uuid7()
    return NewMessage(
        id=message_id,
        partition=item.partition,
        transaction_id=item.transaction_id or str(message_id),
        trace_id=item.trace_id,
        payload=item.payload,
    )
