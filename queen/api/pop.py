"""GET /api/v1/pop/queue/{queue}[/partition/{partition}]: messages out, or 204 when there are none.

The messages arrive as JSON text, as queen/postgres/migrations/0004_pop.sql writes it, and go out as bytes:
none of them becomes an object here. `MessageOut` says what they look like, for people and for /openapi.json;
tests/postgres/test_delivery.py holds the text against it, to the byte.
"""

from collections.abc import Coroutine
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from queen.api.codec import text_of
from queen.api.query import Flag, Number, Query, Text, instant_of
from queen.core.looking import PopRequest
from queen.core.pop import Delivery, Landed, Popper
from queen.core.sharing import Boarded
from queen.core.store import QUEUE_MODE_GROUP
from queen.http.message import Answer, Later, Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route
from queen.observe.activity import Activity
from queen.settings import Settings

AUTOPILOT_BATCH = 100  # what a client gets that leaves the batch to the server
_MOST_MESSAGES = 10_000
_LONGEST_WAIT_MS = 24 * 3600 * 1000

_GROUP = Text("consumerGroup", "the group that reads; none: queue mode", default=QUEUE_MODE_GROUP)
_WAIT = Flag("wait", "wait until there are messages")
_AUTO_ACK = Flag("autoAck", "commit at once and take no lease: at most once")
_START = Text("subscriptionFrom", "where a group starts at its first contact: an ISO 8601 time, or now")
_AUTOPILOT = Flag("autopilot", "let the server choose the batch")
_PARTITIONS = Number("partitions", "partitions at most", default=1, least=1, most=_MOST_MESSAGES)


class MessageOut(Struct, rename="camel"):
    """One message; `data` is the payload as it came in. What differs between messages comes first."""

    id: UUID
    transaction_id: str
    trace_id: UUID | None
    created_at: str
    retry_count: int
    data: msgspec.Raw
    producer_sub: None
    partition_id: UUID
    partition: str
    lease_id: str
    consumer_group: str
    lease_expiries: int


class DeliveryHead(Struct, rename="camel"):
    """The answer but for its messages. The partition is the first one claimed; each message has its own."""

    success: bool
    queue: str
    partition: str
    partition_id: UUID
    lease_id: str
    consumer_group: str
    partitions_claimed: int


class DeliveryOut(DeliveryHead, rename="camel"):
    """The answer."""

    messages: list[MessageOut]


class PopResource:
    """The pop endpoints."""

    def __init__(self, popper: Popper, activity: Activity, settings: Settings) -> None:
        self._popper = popper
        self._activity = activity
        self._batch = Number(
            "batch",
            f"messages at most, over all partitions; with autopilot {AUTOPILOT_BATCH} unless given",
            default=settings.default_batch_size,
            least=1,
            most=_MOST_MESSAGES,
        )
        self._timeout = Number(
            "timeout", "ms to wait at most", default=settings.default_timeout, least=0, most=_LONGEST_WAIT_MS
        )
        self._mode = Text(
            "subscriptionMode",
            "where a group starts at its first contact: all; new, new-only: what is pushed from then on",
            default=settings.default_subscription_mode,
        )

    def routes(self) -> list[Route]:
        """GET, but not safe: a pop takes a lease."""
        one = (_GROUP, self._batch, _WAIT, self._timeout, _AUTO_ACK, self._mode, _START, _AUTOPILOT)
        answers = {200: DeliveryOut, 204: None}
        anywhere = Operation("Messages of any partition of the queue", answers, (*one, _PARTITIONS))
        named = Operation("Messages of one partition", answers, one)
        queue = "/api/v1/pop/queue/{queue}"
        return [
            Route("GET", queue, self.pop_queue, anywhere, safe=False),
            Route("GET", queue + "/partition/{partition}", self.pop_partition, named, safe=False),
        ]

    def pop_queue(self, request: Request) -> Answer:
        """Any partition of the queue."""
        return self._pop(request, request.params[0], None)

    def pop_partition(self, request: Request) -> Answer:
        """One partition."""
        return self._pop(request, request.params[0], request.params[1])

    def _pop(self, request: Request, queue: str, partition: str | None) -> Answer:
        wanted = self._read(request.query, queue, partition)
        boarded = self._popper.board(wanted, request.client)
        if boarded is None:
            return self._pursue(wanted, self._popper.pop(wanted, request.client))
        return Later(boarded.rider, partial(self._land, wanted, boarded))

    def _land(self, wanted: PopRequest, boarded: Boarded[Landed]) -> Answer:
        landed = boarded.land()
        if landed is None or isinstance(landed, Delivery):
            return self._answer(wanted, landed)
        return self._pursue(wanted, landed)

    async def _pursue(self, wanted: PopRequest, delivery: Coroutine[Any, Any, Delivery | None]) -> Response:
        return self._answer(wanted, await delivery)

    def _answer(self, wanted: PopRequest, delivery: Delivery | None) -> Response:
        if delivery is None:
            return Response(status=204)
        self._activity.popped.add(delivery.messages)
        return Response(body=written(wanted, delivery))

    def _read(self, query: Query, queue: str, partition: str | None) -> PopRequest:
        wait_ms = self._timeout.read(query)
        group = _GROUP.read(query)
        mode, start = _subscription(self._mode.read(query), _START.read(query))
        if group == QUEUE_MODE_GROUP:
            mode, start = "all", None  # whoever shares a queue shares all of it
        return PopRequest(
            queue=text_of(queue, "queue"),
            partition=None if partition is None else text_of(partition, "partition"),
            group=group,
            batch=self._batch.read(query, AUTOPILOT_BATCH if _AUTOPILOT.read(query) else None),
            partitions=_PARTITIONS.read(query),
            auto_ack=_AUTO_ACK.read(query),
            wait_ms=wait_ms if _WAIT.read(query) else 0,
            mode=mode,
            start=start,
        )


def _subscription(mode: str, start: str) -> tuple[str, datetime | None]:
    """Where a group begins at its first contact; later contacts change nothing."""
    if start and start != "now":
        return "timestamp", instant_of(start, "subscriptionFrom", "an ISO 8601 time or now")
    if start == "now" or mode in ("new", "new-only"):
        return "new", None
    return "all", None


def written(request: PopRequest, delivery: Delivery) -> bytes:
    """A `DeliveryOut` in JSON."""
    first = delivery.claimed[0]
    head = DeliveryHead(
        success=True,
        queue=request.queue,
        partition=first.partition,
        partition_id=first.partition_uuid,
        lease_id="" if delivery.lease_id is None else str(delivery.lease_id),
        consumer_group=request.group,
        partitions_claimed=len(delivery.claimed),
    )
    messages = ",".join([claimed.objects for claimed in delivery.claimed])
    return b'%b,"messages":[%b]}' % (msgspec.json.encode(head)[:-1], messages.encode())
