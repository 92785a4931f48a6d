"""The port: what the queue needs from a store, in the queue's own terms.

`queen.postgres.store` implements it. Every method draws on the request's `Deadline` and raises the
errors of `queen.errors`: a `NotDone` when nothing was applied, `OutcomeUnknown` when it may have been.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from queen.core.deadline import Deadline

QUEUE_MODE_GROUP = "__QUEUE_MODE__"


class PartitionName(Struct, frozen=True, order=True, gc=False, cache_hash=True):
    """How clients name a partition."""

    queue: str
    partition: str


def by_queue(names: Iterable[PartitionName]) -> dict[str, set[str]]:
    """The partitions of each queue."""
    partitions: dict[str, set[str]] = {}
    for name in names:
        partitions.setdefault(name.queue, set()).add(name.partition)
    return partitions


class Partition(Struct, frozen=True, gc=False):
    """How the store names it, and clients in acks."""

    id: int
    uuid: str


class NewMessage(Struct, frozen=True, gc=False):
    """A message on its way in. Ids are fixed before the first try, so that a retry meets itself."""

    id: str  # a UUID
    partition: PartitionName
    transaction_id: str
    trace_id: UUID | None
    payload: bytes  # JSON in UTF-8, exactly as it came


class UnknownPartition(Exception):
    """A partition that was resolved before is gone (its queue was deleted). Nothing was stored."""


class UnknownGroup(Exception):
    """A group that was registered before is gone (it or its queue was deleted). Nothing was claimed."""


class Claimed(Struct, frozen=True):
    """What a pop took from one partition.

    The messages are on their way out as the store wrote them: JSON objects of the contract's answer, in the
    order of the partition, with commas in between. Nobody reads them here.
    """

    partition_uuid: UUID
    partition: str
    messages: int
    objects: str


class PopQuery(Struct, frozen=True):
    """One look for messages. `lease_id` None: auto-ack. `partition_id` None: any partition."""

    group_id: int
    group: str
    partition_id: int | None
    batch: int
    partitions: int
    lease_id: UUID | None


class Place(Struct, frozen=True):
    """Where a pop looks: a group, or one partition of it."""

    group_id: int
    partition_id: int | None


class PopResult(Struct, frozen=True):
    """Messages, or when to look again.

    `next_in_ms`: nothing can be found earlier unless a push or a release comes (None: only those help). A
    duration, since the store's clock is not ours.
    `blocked_partition`: another pop held this partition, so it may hold messages all the same; 0: the
    look was cut short. In both cases the caller looks again.
    """

    claimed: Sequence[Claimed]
    next_in_ms: float | None = None
    blocked_partition: int | None = None


PopOutcome = PopResult | UnknownPartition | UnknownGroup


class AckItem(Struct, frozen=True):
    """One acknowledgement. `lease_id` empty: unfenced."""

    partition_uuid: UUID
    transaction_id: str
    status: str
    lease_id: str
    error: str = ""


class PlainAck(Struct, frozen=True):
    """A request that says `completed` of messages of one partition, all under one lease or none ("")."""

    group: str
    partition_uuid: UUID
    lease_id: str
    transaction_ids: Sequence[str]


class AckOutcome(Struct, frozen=True):
    """What became of one item; `outcome` is one of the names in migrations/0005_ack.sql."""

    outcome: str
    dead: bool
    released: bool
    queue: str | None
    partition: str | None


class TransactionPlan(Struct, frozen=True):
    """Pushes and acks that happen together. `acks` have a group each; `required` leases must all live."""

    messages: Sequence[NewMessage]
    partitions: Sequence[int]  # of the messages
    acks: Sequence[tuple[str, AckItem]]
    required: Sequence[UUID]


class TransactionOutcome(Struct, frozen=True):
    """What became of a plan.

    `lost`: indices of required leases that do not live; then nothing was done, and `acks` is empty.
    `existing`: index of a message → id of the one already there. `acks`: one outcome for each, in their
    order; when one of them was refused, everything was undone.
    """

    lost: Sequence[int]
    existing: dict[int, str]
    acks: Sequence[AckOutcome]


class Extension(Struct, frozen=True):
    """What became of a lease that was to be extended: on how many partitions it stood, and still lived."""

    held: int
    extended: int
    expires_at: datetime | None  # the earliest of those extended


class QueueOptions(Struct, frozen=True):
    """All options of a queue, with the contract's defaults. Seconds, but retryDelay (ms)."""

    lease_time: int = 300
    retry_limit: int = 3
    retry_delay: int = 1000
    max_size: int = 0
    ttl: int = 3600
    priority: int = 0
    dead_letter_queue: bool = False
    dlq_after_max_retries: bool = False
    delayed_processing: int = 0
    window_buffer: int = 0
    retention_seconds: int = 0
    completed_retention_seconds: int = 0
    retention_enabled: bool = False
    max_wait_time_seconds: int = 0


class ConfiguredQueue(Struct, frozen=True):
    """Answer of `configure`."""

    queue_uuid: UUID
    partition_uuid: UUID


class Store(Protocol):
    """Where messages live."""

    async def resolve(
        self, names: Sequence[PartitionName], deadline: Deadline
    ) -> dict[PartitionName, Partition]:
        """Find the partitions, making queues and partitions that do not exist."""
        ...

    async def find(self, name: PartitionName, deadline: Deadline) -> Partition | None:
        """The partition, if it exists."""
        ...

    async def push_batch(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> dict[int, str]:
        """Store all in one multi-row INSERT. Returns index → id of the message already there.

        Raises `UnknownPartition`.
        """
        ...

    async def push_sequential(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> dict[int, str]:
        """The same in one transaction with one INSERT a message."""
        ...

    async def register_group(
        self, queue: str, group: str, mode: str, start: datetime | None, deadline: Deadline
    ) -> int:
        """Register the group on the queue, if it is not yet; returns its id."""
        ...

    async def pop(self, query: PopQuery, deadline: Deadline) -> PopResult:
        """Claim and read. Raises `UnknownPartition` and `UnknownGroup`.

        A named partition that another pop holds is waited for.
        """
        ...

    async def pop_together(self, queries: Sequence[PopQuery], deadline: Deadline) -> Sequence[PopOutcome]:
        """The same for several queries in one call, one outcome for each in their order.

        Nothing is waited for: a named partition that another pop holds counts as blocked.
        """
        ...

    async def find_due(
        self, places: Sequence[Place], within_ms: float, deadline: Deadline
    ) -> dict[int, float]:
        """Index of a place → in how many ms there is something to look for (0: now).

        Only where there is within that time. A place that is gone counts: who looks there finds out.
        """
        ...

    async def release(self, lease_id: UUID, deadline: Deadline) -> None:
        """Give a lease back, as if it had never been taken: its messages can be popped again at once."""
        ...

    async def ack(self, group: str, items: Sequence[AckItem], deadline: Deadline) -> Sequence[AckOutcome]:
        """Apply the ack rule; one outcome for each item, in their order."""
        ...

    async def ack_together(
        self, requests: Sequence[PlainAck], deadline: Deadline
    ) -> Sequence[AckOutcome | None]:
        """Several requests in one call, one outcome for all items of each, in their order.

        None: the request needs all of the rule, and nothing was changed. `ack` is the way.
        """
        ...

    async def transact(self, plan: TransactionPlan, deadline: Deadline) -> TransactionOutcome:
        """Push and ack together, or not at all. Raises `UnknownPartition`."""
        ...

    async def extend(self, lease_id: UUID, seconds: int, deadline: Deadline) -> Extension:
        """Let a lease live at least `seconds` from now, on every partition where it lives."""
        ...

    async def seek(
        self, queue: str, group: str, partition: str | None, to: datetime | None, deadline: Deadline
    ) -> dict[str, int]:
        """Move the group behind the last message that is not younger than `to` (None: to the end).

        Leases on what is moved end. Returns partition → new position.
        """
        ...

    async def delete_group(
        self, group: str, queue: str | None, subscription: bool, deadline: Deadline
    ) -> dict[str, int]:
        """Delete the group's progress (`queue` None: everywhere).

        Returns queue → on how many partitions it had any.
        """
        ...

    async def delete_queue(self, queue: str, deadline: Deadline) -> bool:
        """Delete the queue and all that belongs to it; whether there was one."""
        ...

    async def configure(
        self, queue: str, namespace: str, task: str, options: QueueOptions, deadline: Deadline
    ) -> ConfiguredQueue:
        """Make the queue or set all its options anew."""
        ...

    async def ping(self, deadline: Deadline) -> None:
        """One trivial statement on a pooled connection."""
        ...


# A store over one connection, for the block. Raises `PoolTimeout` when there is none by the deadline.
Hold = Callable[[Deadline], AbstractAsyncContextManager[Store]]
