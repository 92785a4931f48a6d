"""The port for whoever only looks: what there is, how far each group came, and what went wrong.

Apart from `queen.core.store`, because nothing here changes anything: a replica can answer it as well.
`queen.postgres.reader` implements it; what its numbers mean is stated in migrations/0008_reading.sql.
All counts are of messages unless they say otherwise.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from queen.core.deadline import Deadline

COUNTED_DEAD_LETTERS = 100_000  # a list's total is exact up to here

Item = TypeVar("Item")


class Scope(Struct, frozen=True):
    """Which queues; None: any."""

    queue: str | None = None
    namespace: str | None = None
    task: str | None = None


class Window(Struct, frozen=True):
    """A time, both ends inclusive; None: as the reader of it has it."""

    since: datetime | None = None
    until: datetime | None = None


class Page(Struct, frozen=True):
    """Which part of a list."""

    limit: int
    offset: int


class Listed(Struct, Generic[Item], frozen=True):
    """A page of a list, and how long the whole list is."""

    items: Sequence[Item]
    total: int


class Counts(Struct, frozen=True):
    """What became of messages, for the reference group; dead letters are counted apart from the total."""

    total: int
    pending: int
    processing: int
    completed: int
    dead_letter: int


class QueueName(Struct, frozen=True):
    """A queue and its labels."""

    uuid: UUID
    name: str
    namespace: str
    task: str


class QueueSummary(Struct, frozen=True):
    """A queue in a list."""

    queue: QueueName
    created_at: datetime
    partitions: int
    total: int
    pending: int
    processing: int


class PartitionSummary(Struct, frozen=True):
    """A partition of a queue. `oldest` and `newest` are the times of its messages; None: it is empty."""

    uuid: UUID
    name: str
    created_at: datetime
    counts: Counts
    oldest: datetime | None
    newest: datetime | None


class QueueDetail(Struct, frozen=True):
    """A queue with all its partitions."""

    queue: QueueName
    created_at: datetime
    partitions: Sequence[PartitionSummary]


class GroupDepth(Struct, frozen=True):
    """What one group has still to consume: in all, on how many partitions, and on the fullest of those."""

    unread: int
    partitions_behind: int
    partitions: Sequence[tuple[str, int]]


class QueueStatus(Struct, frozen=True):
    """A queue in the status. Leases are the live ones of all groups, `consumed` is of all groups, too."""

    queue: QueueName
    partitions: int
    consumed: int
    counts: Counts
    partitions_with_dead_letters: int
    leases: int
    leased_partitions: int
    handed_out: int  # under these leases
    acknowledged: int  # of those


class Status(Struct, frozen=True):
    """All queues in scope, and the most frequent errors of dead letters in the window."""

    queues: Sequence[QueueStatus]
    since: datetime
    until: datetime
    errors: Sequence[tuple[str, int]]


class MessageFilter(Struct, frozen=True):
    """Which messages. `status`: pending, processing, completed, dead_letter; None: any."""

    scope: Scope
    partition: str | None
    status: str | None
    window: Window  # without a beginning: an hour; without an end: up to now


class MessageSummary(Struct, frozen=True):
    """A message without its payload."""

    id: UUID
    transaction_id: str
    partition_uuid: UUID
    queue: str
    partition: str
    namespace: str
    task: str
    status: str
    queue_status: str | None  # to queue mode; None: the queue is not read that way
    consumed_by: int  # named groups that are done with it
    named_groups: int
    trace_id: UUID | None
    priority: int
    created_at: datetime
    lease_expires_at: datetime | None


class MessageList(Struct, frozen=True):
    """A page of messages, and how the queues in scope are read."""

    messages: Listed[MessageSummary]
    queue_mode: bool
    named_groups: int


class GroupView(Struct, frozen=True):
    """What a message is to one group. `lease_expires_at`: it is handed out until then."""

    name: str
    consumed: bool
    lease_expires_at: datetime | None


class MessageDetail(Struct, frozen=True):
    """A message with its payload, its last error as a dead letter, and options of its queue (s, ms)."""

    summary: MessageSummary
    payload: str  # JSON text, exactly as it came
    error: str | None
    retry_count: int
    lease_time_s: int
    retry_limit: int
    retry_delay_ms: int
    ttl_s: int
    groups: Sequence[GroupView]


class DeadLetterFilter(Struct, frozen=True):
    """Which dead letters; None: any. The window is of the failure."""

    queue: str | None
    group: str | None
    partition: str | None
    window: Window


class DeadLetter(Struct, frozen=True):
    """A message that a group gave up, with its own copy of the payload."""

    message_id: UUID
    transaction_id: str
    partition_uuid: UUID
    queue: str
    partition: str
    group: str
    error: str
    retry_count: int
    payload: str
    created_at: datetime
    failed_at: datetime


class GroupSummary(Struct, frozen=True):
    """A group on one queue. `lag_s`: since the oldest unread message was pushed; 0: there is none."""

    name: str
    queue: str
    partitions: int
    partitions_behind: int
    unread: int
    lag_s: int
    last_consumed_at: datetime | None
    subscription_mode: str
    subscription_from: datetime | None
    created_at: datetime


class GroupPartition(Struct, frozen=True):
    """How far a group came in one partition; `lease_id` of the live lease."""

    partition: str
    lease_id: UUID | None
    last_consumed_at: datetime | None
    consumed: int
    unread: int
    lag_s: int


class Reader(Protocol):
    """Where one looks."""

    async def queues(self, scope: Scope, page: Page, deadline: Deadline) -> Listed[QueueSummary]:
        """Queues, newest first; the scope's queue is not looked at."""
        ...

    async def queue(self, name: str, deadline: Deadline) -> QueueDetail | None:
        """One queue, if it exists."""
        ...

    async def depth(self, queue: str, group: str, limit: int, deadline: Deadline) -> GroupDepth | None:
        """What the group has still to consume, if the queue exists; at most `limit` partitions."""
        ...

    async def status(self, scope: Scope, window: Window, most_errors: int, deadline: Deadline) -> Status:
        """Totals; the window is the last hour up to its end, or to now, unless it says otherwise."""
        ...

    async def messages(self, wanted: MessageFilter, page: Page, deadline: Deadline) -> MessageList:
        """Messages, newest first."""
        ...

    async def message(self, partition: UUID, transaction_id: str, deadline: Deadline) -> MessageDetail | None:
        """One message, if it is still there."""
        ...

    async def dead_letters(
        self, wanted: DeadLetterFilter, page: Page, deadline: Deadline
    ) -> Listed[DeadLetter]:
        """Dead letters, newest failure first. A total over `COUNTED_DEAD_LETTERS` stands for "more"."""
        ...

    async def groups(self, page: Page, deadline: Deadline) -> Listed[GroupSummary]:
        """Each group on each queue that it reads, by queue and group."""
        ...

    async def group(self, name: str, deadline: Deadline) -> dict[str, Sequence[GroupPartition]]:
        """Queue → partitions that the group reads; empty for an unknown group."""
        ...
