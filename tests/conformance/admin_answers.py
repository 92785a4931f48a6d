"""The shapes of the contract's answers to whoever looks at queues, messages and groups."""

from typing import Any, Literal

from msgspec import Struct

MessageStatus = Literal["pending", "processing", "completed", "dead_letter"]


class Page(Struct):
    """Which part of a list an answer is, and how long the whole is."""

    limit: int
    offset: int
    total: int


class BusStatus(Struct, rename="camel"):
    """How many named groups have passed a message, of how many."""

    consumed_by: int
    total_groups: int


class MessageRow(Struct, rename="camel"):
    """One message of a list; it has no payload."""

    id: str
    transaction_id: str
    partition_id: str
    queue_path: str
    queue: str
    partition: str
    namespace: str
    task: str
    status: MessageStatus
    queue_status: str | None
    bus_status: BusStatus
    trace_id: str | None
    producer_sub: None
    queue_priority: int
    created_at: str
    lease_expires_at: str | None


class Mode(Struct, rename="camel"):
    """Who reads the messages of a list."""

    has_queue_mode: bool
    bus_groups_count: int
    type: Literal["queue", "bus", "hybrid", "none"]


class MessageList(Struct):
    """The answer of the list of messages."""

    messages: list[MessageRow]
    mode: Mode
    pagination: Page


class GroupOfMessage(Struct, rename="camel"):
    """A group and whether it has passed the message."""

    name: str
    consumed: bool
    lease_expires_at: str | None


class ConfigOfMessage(Struct, rename="camel"):
    """The options of the message's queue that matter to it."""

    lease_time: int
    retry_limit: int
    retry_delay: int
    ttl: int
    priority: int


class MessageDetail(MessageRow, rename="camel", kw_only=True):
    """One message, with its payload."""

    payload: Any
    is_encrypted: Literal[False]
    error_message: str | None
    retry_count: int | None
    queue_config: ConfigOfMessage
    consumer_groups: list[GroupOfMessage]


class DeadLetter(Struct, rename="camel"):
    """A message that a group has given up."""

    id: str
    transaction_id: str
    partition_id: str
    queue: str
    partition: str
    consumer_group: str
    error_message: str | None
    retry_count: int
    data: Any
    producer_sub: None
    created_at: str
    failed_at: str


class DeadLetters(Struct):
    """The answer of the list of dead letters. `total` counts all that fit the filters."""

    messages: list[DeadLetter]
    pagination: Page
    total: int


class Counts(Struct):
    """How many messages of a queue are how far."""

    total: int
    pending: int
    processing: int


class AllCounts(Counts, rename="camel", kw_only=True):
    """The same, in full."""

    completed: int
    failed: int
    dead_letter: int


class QueueRow(Struct, rename="camel"):
    """One queue of a list."""

    id: str
    name: str
    namespace: str
    task: str
    created_at: str
    partitions: int
    messages: Counts


class QueueList(Struct):
    """The answer of the lists of queues, newest first."""

    queues: list[QueueRow]
    pagination: Page


class PartitionRow(Struct, rename="camel"):
    """One partition of a queue."""

    id: str
    name: str
    created_at: str
    stats: AllCounts
    oldest_message: str | None
    newest_message: str | None


class QueueDetail(Struct, rename="camel"):
    """One queue."""

    id: str
    name: str
    namespace: str
    task: str
    created_at: str
    partitions: list[PartitionRow]
    totals: AllCounts


class DepthOfPartition(Struct):
    """What a group has still to get of a partition."""

    partition: str
    pending: int


class Depth(Struct, rename="camel"):
    """What a group has still to get of a queue."""

    queue: str
    group: str
    pending: int
    partitions_pending: int
    conflation: Literal[False]
    effective_pending: int
    partitions: list[DepthOfPartition]


class Deleted(Struct):
    """The answer of deleting a queue."""

    deleted: Literal[True]
    queue: str
    existed: bool


class Leases(Struct, rename="camel"):
    """Live leases, and what they hold."""

    active: int
    partitions_with_leases: int
    total_batch_size: int
    total_acked: int


class DeadLetterTotals(Struct, rename="camel"):
    """The dead letters, in sum."""

    total_messages: int
    affected_partitions: int
    top_errors: list[Any]


class Status(Struct, rename="camel"):
    """The server's queues, in sum."""

    messages: AllCounts
    leases: Leases
    dead_letter_queue: DeadLetterTotals


class GroupRow(Struct, rename="camel"):
    """One group on one queue."""

    name: str
    topics: list[str]
    queue_name: str
    members: int
    partitions_with_lag: int
    total_lag: int | None
    max_time_lag: float | None
    state: Literal["Stable", "Lagging", "Dead"]
    subscription_mode: str | None
    subscription_timestamp: str | None
    subscription_created_at: str | None


class GroupPartition(Struct, rename="camel"):
    """How far a group is on a partition."""

    partition: str
    worker_id: str | None
    last_consumed_at: str | None
    total_consumed: int
    offset_lag: int
    time_lag_seconds: float | None
    lease_active: bool


class GroupOnQueue(Struct):
    """How far a group is on a queue."""

    partitions: list[GroupPartition]


class GroupDeleted(Struct, rename="camel"):
    """The answer of deleting a group."""

    success: Literal[True]
    consumer_group: str
    deleted_partitions: int
    metadata_deleted: bool
    queue_name: str | None = None


class Sought(Struct, rename="camel"):
    """The answer of moving a group on a queue."""

    success: Literal[True]
    consumer_group: str
    queue_name: str
    seek_to_end: bool
    target_timestamp: str | None
    partitions_updated: int


class PartitionSought(Struct, rename="camel"):
    """The answer of moving a group on a partition to its end."""

    success: Literal[True]
    consumer_group: str
    queue_name: str
    partition_name: str
    updated: bool
    cursor_moved_to: Any = None
