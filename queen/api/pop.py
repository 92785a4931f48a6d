"""GET /api/v1/pop/queue/{queue}[/partition/{partition}]: messages out, or 204 when there are none."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from queen.api.codec import answer, text_of
from queen.core.pop import Delivery, Popper, PopRequest
from queen.core.store import QUEUE_MODE_GROUP, Popped
from queen.errors import BadRequest
from queen.http.message import Request, Response
from queen.observe.activity import Activity
from queen.settings import Settings

AUTOPILOT_BATCH = 100  # what a client gets that leaves the batch to the server
_MOST_MESSAGES = 10_000
_LONGEST_WAIT_MS = 24 * 3600 * 1000


class MessageOut(Struct, rename="camel"):
    """One message; `data` is the payload as it came in."""

    id: UUID
    transaction_id: str
    trace_id: UUID | None
    data: msgspec.Raw
    producer_sub: None
    created_at: str
    partition_id: UUID
    partition: str
    lease_id: str
    consumer_group: str
    retry_count: int
    lease_expiries: int


class DeliveryOut(Struct, rename="camel"):
    """The answer. The partition's fields are those of the first one claimed; each message has its own."""

    success: bool
    queue: str
    partition: str
    partition_id: UUID
    lease_id: str
    consumer_group: str
    partitions_claimed: int
    messages: list[MessageOut]


class PopResource:
    """The pop endpoints."""

    def __init__(self, popper: Popper, activity: Activity, settings: Settings) -> None:
        self._popper = popper
        self._activity = activity
        self._settings = settings

    async def pop_queue(self, request: Request) -> Response:
        """Any partition of the queue."""
        return await self._pop(request, request.params[0], None)

    async def pop_partition(self, request: Request) -> Response:
        """One partition."""
        return await self._pop(request, request.params[0], request.params[1])

    async def _pop(self, request: Request, queue: str, partition: str | None) -> Response:
        wanted = self._read(request.query, queue, partition)
        delivery = await self._popper.pop(wanted, request.client)
        if delivery is None:
            return Response(status=204)
        self._activity.popped.add(len(delivery.messages))
        return answer(_out(wanted, delivery))

    def _read(self, query: Mapping[str, str], queue: str, partition: str | None) -> PopRequest:
        default = AUTOPILOT_BATCH if _flag(query, "autopilot") else self._settings.default_batch_size
        wait_ms = _number(query, "timeout", self._settings.default_timeout, 0, _LONGEST_WAIT_MS)
        mode, start = _subscription(
            query.get("subscriptionMode", self._settings.default_subscription_mode),
            query.get("subscriptionFrom", ""),
        )
        return PopRequest(
            queue=text_of(queue, "queue"),
            partition=None if partition is None else text_of(partition, "partition"),
            group=text_of(query.get("consumerGroup") or QUEUE_MODE_GROUP, "consumerGroup"),
            batch=_number(query, "batch", default, 1, _MOST_MESSAGES),
            partitions=_number(query, "partitions", 1, 1, _MOST_MESSAGES),
            auto_ack=_flag(query, "autoAck"),
            wait_ms=wait_ms if _flag(query, "wait") else 0,
            mode=mode,
            start=start,
        )


def _subscription(mode: str, start: str) -> tuple[str, datetime | None]:
    """Where a group begins at its first contact; later contacts change nothing."""
    if start and start != "now":
        try:
            parsed = datetime.fromisoformat(start)
            moment = parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the latter: in UTC it is before the year 1 or after 9999
            raise BadRequest("subscriptionFrom must be an ISO 8601 time or now") from None
        return "timestamp", moment
    if start == "now" or mode in ("new", "new-only"):
        return "new", None
    return "all", None


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name) in ("true", "1")


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """What is not a number means the default; what is out of bounds is clamped."""
    try:
        value = int(query[name])
    except (KeyError, ValueError):
        value = default
    return max(least, min(value, most))


def _out(request: PopRequest, delivery: Delivery) -> DeliveryOut:
    lease_id = "" if delivery.lease_id is None else str(delivery.lease_id)
    first = delivery.messages[0]
    return DeliveryOut(
        success=True,
        queue=request.queue,
        partition=first.partition,
        partition_id=first.partition_uuid,
        lease_id=lease_id,
        consumer_group=request.group,
        partitions_claimed=len({message.partition_uuid for message in delivery.messages}),
        messages=[_message(message, lease_id, request.group) for message in delivery.messages],
    )


def _message(message: Popped, lease_id: str, group: str) -> MessageOut:
    return MessageOut(
        id=message.id,
        transaction_id=message.transaction_id,
        trace_id=message.trace_id,
        data=msgspec.Raw(message.payload.encode()),
        producer_sub=None,
        created_at=message.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        partition_id=message.partition_uuid,
        partition=message.partition,
        lease_id=lease_id,
        consumer_group=group,
        retry_count=message.retry_count,
        lease_expiries=message.expired_leases,
    )
