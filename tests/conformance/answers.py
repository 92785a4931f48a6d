"""The shapes of the contract's answers. Decoding checks every field's presence and type.

A server may say more than this; fields that are not named here are ignored.
"""

from typing import Any, Literal

from msgspec import Struct, field


class Pushed(Struct):
    """One item of a push's answer: snake_case, and the camelCase twins that clients accept as well."""

    index: int
    transaction_id: str
    status: Literal["queued", "duplicate"]
    message_id: str
    partition_id: str
    queue_name: str = field(name="queueName")
    transaction_id_twin: str = field(name="transactionId")
    message_id_twin: str = field(name="messageId")
    partition_id_twin: str = field(name="partitionId")
    trace_id: str | None = None


class Message(Struct, rename="camel"):
    """One message of a pop."""

    id: str
    transaction_id: str
    trace_id: str | None
    data: Any
    producer_sub: None
    created_at: str
    partition_id: str
    partition: str
    lease_id: str
    consumer_group: str
    retry_count: int
    lease_expiries: int


class Delivery(Struct, rename="camel"):
    """A pop's answer. The partition's fields are those of the first partition that was claimed."""

    success: Literal[True]
    queue: str
    partition: str
    partition_id: str
    lease_id: str
    consumer_group: str
    partitions_claimed: int
    messages: list[Message]


class Acked(Struct, rename="camel"):
    """One item of an ack's answer."""

    index: int
    transaction_id: str
    success: bool
    error: str | None
    queue_name: str | None
    partition_name: str | None
    lease_released: bool
    dlq: bool
    noop: Literal[True] | None = None


class Options(Struct, rename="camel", forbid_unknown_fields=True):
    """Every option of a queue, with the value in force."""

    lease_time: int
    retry_limit: int
    retry_delay: int
    max_size: int
    ttl: int
    priority: int
    dead_letter_queue: bool
    dlq_after_max_retries: bool
    delayed_processing: int
    window_buffer: int
    retention_seconds: int
    completed_retention_seconds: int
    retention_enabled: bool
    encryption_enabled: bool
    max_wait_time_seconds: int


class Configured(Struct, rename="camel"):
    """The answer of configure."""

    configured: Literal[True]
    queue_id: str
    partition_id: str
    queue: str
    namespace: str
    task: str
    options: Options


class Extended(Struct, rename="camel"):
    """The answer of a lease extension: the new end under every name that a client reads."""

    lease_id: str
    success: bool
    renewed: int
    new_expires_at: str | None
    expires_at: str | None
    lease_expires_at: str | None = field(name="lease_expires_at")
    error: str | None


class Step(Struct, rename="camel"):
    """One result of a transaction: of a push its message, of an ack its outcome."""

    index: int
    type: Literal["push", "ack"]
    success: bool
    transaction_id: str
    status: Literal["queued", "duplicate"] | None = None
    message_id: str | None = None
    partition_id: str | None = None
    queue_name: str | None = None
    error: str | None = None
    dlq: bool | None = None


class Transacted(Struct, rename="camel"):
    """The answer of a transaction; on failure the results before the operation that failed."""

    transaction_id: str
    success: bool
    results: list[Step]
    error: str | None = None
