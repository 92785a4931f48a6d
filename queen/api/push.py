"""POST /api/v1/push: items in, one answer for each, in their order."""

from uuid import UUID

import msgspec
from msgspec import Struct

from queen.api.codec import Decoder, answer, null, payload_text, text_of, uuid_of
from queen.core.deadline import StartDeadline
from queen.core.push import Pushed, Pusher, PushItem
from queen.core.store import PartitionName
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route
from queen.observe.activity import Activity


class Item(Struct):
    """One message as a client sends it. An empty transactionId or traceId counts as none."""

    queue: str
    partition: str = "Default"
    payload: msgspec.Raw = msgspec.field(default_factory=null)
    transaction_id: str = msgspec.field(default="", name="transactionId")
    trace_id: str = msgspec.field(default="", name="traceId")


class Body(Struct):
    """The request."""

    items: list[Item]


class ItemAnswer(Struct):
    """One answer: snake_case as the contract has it, and the camelCase twins that clients accept."""

    index: int
    transaction_id: str
    status: str
    message_id: UUID
    partition_id: UUID
    trace_id: UUID | None
    queue_name: str = msgspec.field(name="queueName")
    transaction_id_twin: str = msgspec.field(name="transactionId")
    message_id_twin: UUID = msgspec.field(name="messageId")
    partition_id_twin: UUID = msgspec.field(name="partitionId")


ITEM_TEXTS = {
    "queue": "Queue must be a string",
    "partition": "Partition must be a string",
    "transactionId": "TransactionId must be a string",
    "traceId": "TraceId must be a string",
}
_DECODER = Decoder(Body, {"items": "items array is required", **ITEM_TEXTS})


class PushResource:
    """The push endpoint."""

    def __init__(self, pusher: Pusher, activity: Activity, deadline: StartDeadline) -> None:
        self._pusher = pusher
        self._activity = activity
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoint."""
        operation = Operation("Store messages, all or none", {201: list[ItemAnswer]}, body=Body)
        return [Route("POST", "/api/v1/push", self.push, operation)]

    async def push(self, request: Request) -> Response:
        """201 with one answer an item; the whole request is refused for the first bad item."""
        body: Body = _DECODER.decode(request.body)
        if not body.items:
            return answer([], 201)
        items = [checked(item) for item in body.items]
        pushed = await self._pusher.push(items, self._deadline())
        self._activity.push_requests.add(1)
        self._activity.pushed.add(sum(not done.duplicate for done in pushed))
        return answer(
            [
                _answer(index, item, done)
                for index, (item, done) in enumerate(zip(items, pushed, strict=True))
            ],
            201,
        )


def checked(item: Item) -> PushItem:
    """What the client asks for. Raises `BadRequest`."""
    return PushItem(
        partition=PartitionName(
            text_of(item.queue, "queue"),
            text_of(item.partition, "partition"),
        ),
        payload=payload_text(item.payload),
        transaction_id=text_of(item.transaction_id, "transactionId"),
        trace_id=uuid_of(item.trace_id, "traceId") if item.trace_id else None,
    )


def _answer(index: int, item: PushItem, pushed: Pushed) -> ItemAnswer:
    return ItemAnswer(
        index=index,
        transaction_id=pushed.transaction_id,
        status="duplicate" if pushed.duplicate else "queued",
        message_id=pushed.id,
        partition_id=pushed.partition.uuid,
        trace_id=item.trace_id,
        queue_name=item.partition.queue,
        transaction_id_twin=pushed.transaction_id,
        message_id_twin=pushed.id,
        partition_id_twin=pushed.partition.uuid,
    )
