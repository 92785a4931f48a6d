"""POST /api/v1/ack and /api/v1/ack/batch: an answer for each item; a refusal is an answer, not an error."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from queen.api.codec import Decoder, answer, text_of, uuid_of
from queen.core.ack import Acked, Acker
from queen.core.deadline import Deadline, StartDeadline
from queen.core.sharing import Boarded
from queen.core.store import QUEUE_MODE_GROUP, AckItem
from queen.http.message import Answer, Later, Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route
from queen.observe.activity import Activity


class Item(Struct, rename="camel"):
    """One acknowledgement. Optional fields of another type than text count as absent."""

    transaction_id: str
    partition_id: str
    lease_id: Any = None
    status: Any = None
    error: Any = None


class Single(Item, rename="camel"):
    """The request of /ack."""

    consumer_group: str | None = None


class Batch(Struct, rename="camel"):
    """The request of /ack/batch; the group stands at the top only."""

    acknowledgments: list[Item]
    consumer_group: str | None = None


class ItemAnswer(Struct, rename="camel"):
    """One answer. `noop` is there only when an ack repeats what is already committed."""

    index: int
    transaction_id: str
    success: bool
    error: str | None
    queue_name: str | None
    partition_name: str | None
    lease_released: bool
    dlq: bool
    noop: bool | msgspec.UnsetType = msgspec.UNSET


_SINGLE = Decoder(
    Single,
    {
        "transactionId": "transactionId is required",
        "partitionId": "partitionId is required to ensure message uniqueness",
        "consumerGroup": "consumerGroup must be a string",
    },
)
_BATCH = Decoder(
    Batch,
    {
        "acknowledgments": "acknowledgments array is required",
        "transactionId": "Each acknowledgment must have a valid transactionId string",
        "partitionId": "Each acknowledgment must have a valid partitionId string"
        " to ensure message uniqueness",
        "consumerGroup": "consumerGroup must be a string",
    },
)


class AckResource:
    """The ack endpoints."""

    def __init__(self, acker: Acker, activity: Activity, deadline: StartDeadline) -> None:
        self._acker = acker
        self._activity = activity
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoints."""
        answers = {200: list[ItemAnswer]}
        one = Operation("Acknowledge one message", answers, body=Single)
        many = Operation("Acknowledge messages of one group together", answers, body=Batch)
        return [
            Route("POST", "/api/v1/ack", self.ack, one),
            Route("POST", "/api/v1/ack/batch", self.ack_batch, many),
        ]

    def ack(self, request: Request) -> Answer:
        """200 with an array of one."""
        body: Single = _SINGLE.decode(request.body)
        return self._apply(body.consumer_group, [checked(body)])

    def ack_batch(self, request: Request) -> Answer:
        """200 with one answer an item, in their order."""
        body: Batch = _BATCH.decode(request.body)
        items = [checked(item, no_error="Retries exhausted") for item in body.acknowledgments]
        return self._apply(body.consumer_group, items)

    def _apply(self, group: str | None, items: list[AckItem]) -> Answer:
        group = text_of(group or QUEUE_MODE_GROUP, "consumerGroup")
        if not items:
            return answer([])
        deadline = self._deadline()
        boarded = self._acker.board(group, items, deadline)
        if boarded is None:
            return self._judge(group, items, deadline)
        return Later(boarded.rider, partial(self._land, group, items, boarded, deadline))

    def _land(
        self,
        group: str,
        items: Sequence[AckItem],
        boarded: Boarded[list[Acked] | None],
        deadline: Deadline,
    ) -> Answer:
        acked = boarded.land()
        if acked is None:
            return self._judge(group, items, deadline)
        return self._answer(items, acked)

    async def _judge(self, group: str, items: Sequence[AckItem], deadline: Deadline) -> Response:
        return self._answer(items, await self._acker.judge(group, items, deadline))

    def _answer(self, items: Sequence[AckItem], acked: Sequence[Acked]) -> Response:
        self._activity.acked.add(sum([done.success for done in acked]))
        return answer(list(map(_answer, range(len(items)), items, acked)))


def checked(item: Item, no_error: str = "") -> AckItem:
    """What the client asks for; `no_error` is the error of one that tells none. Raises `BadRequest`."""
    return AckItem(
        partition_uuid=uuid_of(item.partition_id, "partitionId"),
        transaction_id=text_of(item.transaction_id, "transactionId"),
        status=text_of(_text(item.status) or "completed", "status"),
        lease_id=text_of(_text(item.lease_id) or "", "leaseId"),
        error=_text(item.error) or no_error,
    )


def _text(value: object) -> str | None:
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else None


def _answer(index: int, item: AckItem, acked: Acked) -> ItemAnswer:
    return ItemAnswer(
        index=index,
        transaction_id=item.transaction_id,
        success=acked.success,
        error=acked.error,
        queue_name=acked.queue,
        partition_name=acked.partition,
        lease_released=acked.released,
        dlq=acked.dead,
        noop=True if acked.noop else msgspec.UNSET,
    )
