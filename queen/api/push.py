"""POST /api/v1/push: items in, one answer for each, in their order."""

import functools
from collections.abc import Sequence
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from queen.api.codec import Decoder, answer, null, text_of, uuid_of
from queen.core.deadline import Deadline, StartDeadline
from queen.core.ids import uuid7s
from queen.core.push import BoardedPush, Pusher, Stored
from queen.core.store import NewMessage, PartitionName, UnknownPartition
from queen.http.message import Answer, Later, Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route
from queen.observe.activity import Activity

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]


class Item(Struct, gc=False):
    """One message as a client sends it. An empty transactionId or traceId counts as none."""

    queue: str
    partition: str = "Default"
    payload: msgspec.Raw = msgspec.field(default_factory=null)
    transaction_id: str = msgspec.field(default="", name="transactionId")
    trace_id: str = msgspec.field(default="", name="traceId")


class Body(Struct):
    """The request."""

    items: list[Item]


class ItemAnswer(Struct, gc=False):
    """One answer: snake_case as the contract has it, and the camelCase twins that clients accept."""

    index: int
    transaction_id: str
    status: str
    message_id: Uuid
    partition_id: Uuid
    trace_id: UUID | None
    queue_name: str = msgspec.field(name="queueName")
    transaction_id_twin: str = msgspec.field(name="transactionId")
    message_id_twin: Uuid = msgspec.field(name="messageId")
    partition_id_twin: Uuid = msgspec.field(name="partitionId")


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

    def push(self, request: Request) -> Answer:
        """201 with one answer an item; the whole request is refused for the first bad item."""
        body: Body = _DECODER.decode(request.body)
        if not body.items:
            return answer([], 201)
        messages = checked(body.items)
        deadline = self._deadline()
        boarded = self._pusher.board(messages, deadline)
        if boarded is None:
            return self._push(messages, deadline)
        return Later(boarded.rider, partial(self._land, boarded))

    def _land(self, boarded: BoardedPush) -> Answer:
        try:
            return self._answer(self._pusher.land(boarded))
        except UnknownPartition:
            self._pusher.forget(boarded.messages)
            return self._push(boarded.messages, boarded.rider.deadline)

    async def _push(self, messages: Sequence[NewMessage], deadline: Deadline) -> Response:
        return self._answer(await self._pusher.push(messages, deadline))

    def _answer(self, stored: Stored) -> Response:
        self._activity.push_requests.add(1)
        self._activity.pushed.add(len(stored.messages) - len(stored.duplicates))
        return answer(_answers(stored), 201)


def checked(items: Sequence[Item]) -> list[NewMessage]:
    """The messages that the client wants to be stored, with the ids that they keep. Raises `BadRequest`."""
    messages: list[NewMessage] = []
    ids = uuid7s(len(items))
    for index, item in enumerate(items):
        message_id = ids[index]
        messages.append(
            NewMessage(
                message_id,
                _partition(item.queue, item.partition),
                text_of(item.transaction_id, "transactionId") or message_id,
                uuid_of(item.trace_id, "traceId") if item.trace_id else None,
                bytes(item.payload),
            )
        )
    return messages


@functools.lru_cache(maxsize=10_000)
def _partition(queue: str, partition: str) -> PartitionName:
    """The last names are kept, checked and hashed once: a producer uses the same few."""
    return PartitionName(text_of(queue, "queue"), text_of(partition, "partition"))


def _answers(stored: Stored) -> list[ItemAnswer]:
    answers: list[ItemAnswer] = []
    for index, message in enumerate(stored.messages):
        partition = stored.partitions[index]
        answers.append(
            ItemAnswer(  # in the order of its fields: by name it would take half as long again
                index,
                message.transaction_id,
                "queued",
                message.id,
                partition.uuid,
                message.trace_id,
                message.partition.queue,
                message.transaction_id,
                message.id,
                partition.uuid,
            )
        )
    for index, there in stored.duplicates.items():
        duplicate = answers[index]
        duplicate.status = "duplicate"
        duplicate.message_id = duplicate.message_id_twin = there
    return answers
