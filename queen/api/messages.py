"""GET /api/v1/messages…: what was pushed, and what became of it. Looking takes nothing."""

from uuid import UUID

import msgspec
from msgspec import Struct

from queen.api.codec import answer, milliseconds, text_of, uuid_of
from queen.api.listing import NAMESPACE, PARTITION, QUEUE, TASK, Between, Pagination, Paging, scope_of
from queen.api.query import Choice, Query, Text
from queen.core.deadline import StartDeadline
from queen.core.reading import (
    MessageDetail,
    MessageFilter,
    MessageList,
    MessageSummary,
    Page,
    Reader,
    Scope,
)
from queen.errors import NotFound
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

_PAGING = Paging.of(default=200, most=1000, furthest=10_000)
_NS = Text("ns", "the same as namespace")
_STATUS = Choice("status", "only messages with it", ("pending", "processing", "completed", "dead_letter"))
_WINDOW = Between.of("pushed", "the hour before `to`, or the last one, unless given")


class BusStatus(Struct, rename="camel"):
    """How many of the named groups are done with the message."""

    consumed_by: int
    total_groups: int


class MessageOut(Struct, rename="camel", kw_only=True):
    """One message.

    `status`: `dead_letter` when any group gave it up; else what it is to queue mode, or, where only named
    groups read, to the one that lags most. `queueStatus` is what it is to queue mode alone.
    """

    id: UUID
    transaction_id: str
    partition_id: UUID
    queue_path: str
    queue: str
    partition: str
    namespace: str
    task: str
    status: str
    queue_status: str | None
    bus_status: BusStatus
    trace_id: UUID | None
    producer_sub: None = None
    queue_priority: int
    created_at: str
    lease_expires_at: str | None


class Mode(Struct, rename="camel"):
    """How the queues that the filters leave are read: queue, bus (named groups), hybrid or none."""

    has_queue_mode: bool
    bus_groups_count: int
    type: str


class MessagesOut(Struct):
    """The list, newest first."""

    messages: list[MessageOut]
    mode: Mode
    pagination: Pagination
    total: int


class QueueConfig(Struct, rename="camel"):
    """Options of the message's queue: s, but retryDelay (ms)."""

    lease_time: int
    retry_limit: int
    retry_delay: int
    ttl: int
    priority: int


class GroupOut(Struct, rename="camel"):
    """A group, and whether it is done with the message."""

    name: str
    consumed: bool
    lease_expires_at: str | None


class MessageDetailOut(MessageOut, kw_only=True):
    """One message with its payload, as it came in; `errorMessage` is that of its newest dead letter."""

    payload: msgspec.Raw
    is_encrypted: bool = False
    error_message: str | None
    retry_count: int
    queue_config: QueueConfig
    consumer_groups: list[GroupOut]


class MessagesResource:
    """The messages endpoints."""

    def __init__(self, reader: Reader, deadline: StartDeadline) -> None:
        self._reader = reader
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoints."""
        filters = (QUEUE, PARTITION, NAMESPACE, _NS, TASK, _STATUS, *_WINDOW)
        listed = Operation("Messages, newest first", {200: MessagesOut}, (*filters, *_PAGING))
        one = Operation("A message and its payload", {200: MessageDetailOut})
        return [
            Route("GET", "/api/v1/messages", self.messages, listed),
            Route("GET", "/api/v1/messages/{partitionId}/{transactionId}", self.message, one),
        ]

    async def messages(self, request: Request) -> Response:
        """200: a page of those that fit all filters."""
        page = _PAGING.read(request.query)
        found = await self._reader.messages(_filter(request.query), page, self._deadline())
        return answer(_list_out(found, page))

    async def message(self, request: Request) -> Response:
        """200, or 404; 400 for a partition's id that is none."""
        partition = uuid_of(request.params[0], "partitionId")
        transaction_id = text_of(request.params[1], "transactionId")
        detail = await self._reader.message(partition, transaction_id, self._deadline())
        if detail is None:
            raise NotFound("Message not found")
        return answer(_detail_out(detail))


def _filter(query: Query) -> MessageFilter:
    scope = scope_of(query, QUEUE)
    return MessageFilter(
        scope=Scope(scope.queue, scope.namespace or _NS.read(query) or None, scope.task),
        partition=PARTITION.read(query) or None,
        status=_STATUS.read(query) or None,
        window=_WINDOW.read(query),
    )


def _list_out(found: MessageList, page: Page) -> MessagesOut:
    total = found.messages.total
    return MessagesOut(
        messages=[_out(message) for message in found.messages.items],
        mode=Mode(found.queue_mode, found.named_groups, _mode(found)),
        pagination=Pagination(page.limit, page.offset, total),
        total=total,
    )


def _mode(found: MessageList) -> str:
    if found.queue_mode:
        return "hybrid" if found.named_groups else "queue"
    return "bus" if found.named_groups else "none"


def _out(message: MessageSummary) -> MessageOut:
    return MessageOut(
        id=message.id,
        transaction_id=message.transaction_id,
        partition_id=message.partition_uuid,
        queue_path=f"{message.queue}/{message.partition}",
        queue=message.queue,
        partition=message.partition,
        namespace=message.namespace,
        task=message.task,
        status=message.status,
        queue_status=message.queue_status,
        bus_status=BusStatus(message.consumed_by, message.named_groups),
        trace_id=message.trace_id,
        queue_priority=message.priority,
        created_at=milliseconds(message.created_at),
        lease_expires_at=milliseconds(message.lease_expires_at),
    )


def _detail_out(detail: MessageDetail) -> MessageDetailOut:
    config = QueueConfig(
        lease_time=detail.lease_time_s,
        retry_limit=detail.retry_limit,
        retry_delay=detail.retry_delay_ms,
        ttl=detail.ttl_s,
        priority=detail.summary.priority,
    )
    return MessageDetailOut(
        **msgspec.structs.asdict(_out(detail.summary)),
        payload=msgspec.Raw(detail.payload.encode()),
        error_message=detail.error,
        retry_count=detail.retry_count,
        queue_config=config,
        consumer_groups=[
            GroupOut(view.name, view.consumed, milliseconds(view.lease_expires_at)) for view in detail.groups
        ],
    )
