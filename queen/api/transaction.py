"""POST /api/v1/transaction: pushes and acks that happen together, or not at all.

200 says that the transaction was understood; `success` says whether it was done.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from queen.api import ack, push
from queen.api.codec import Decoder, answer, null, text_of
from queen.core.ack import Acked
from queen.core.deadline import StartDeadline
from queen.core.push import Pushed
from queen.core.store import QUEUE_MODE_GROUP, NewMessage
from queen.core.transaction import AckStep, Step, Transacted, Transactor
from queen.errors import BadRequest, NotFound
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route
from queen.observe.activity import Activity


class OperationIn(Struct, rename="camel"):
    """One operation: `push` with items, or flat with the fields of one item; `ack` with those of one ack."""

    type: str
    items: list[push.Item] | None = None
    queue: str | None = None
    partition: str = "Default"
    payload: msgspec.Raw = msgspec.field(default_factory=null)
    trace_id: str = ""
    transaction_id: str = ""
    partition_id: str | None = None
    lease_id: Any = None
    status: Any = None
    error: Any = None
    consumer_group: str | None = None


class Body(Struct, rename="camel"):
    """The request. `kv` and `timers` are conditions and deeds that this server does not know."""

    operations: list[OperationIn]
    required_leases: list[str] = []
    kv: Any = None
    timers: Any = None


class PushResult(Struct, rename="camel", tag_field="type", tag="push"):
    """One message that was pushed; `index` is that of its operation."""

    index: int
    success: bool
    status: str
    transaction_id: str
    message_id: str
    partition_id: str
    queue_name: str


class AckResult(Struct, rename="camel", tag_field="type", tag="ack"):
    """One acknowledgement; `index` is that of its operation."""

    index: int
    success: bool
    transaction_id: str
    error: str | None
    dlq: bool


class Answer(Struct, rename="camel"):
    """The answer. On failure nothing was done; `results` are those before the step that failed."""

    transaction_id: str
    success: bool
    results: list[PushResult | AckResult]
    error: str | msgspec.UnsetType = msgspec.UNSET


_DECODER = Decoder(
    Body,
    {
        "operations": "operations array required",
        "requiredLeases": "requiredLeases must be an array of strings",
        "consumerGroup": "consumerGroup must be a string",
        **push.ITEM_TEXTS,
    },
)


class TransactionResource:
    """The transaction endpoint."""

    def __init__(self, transactor: Transactor, activity: Activity, deadline: StartDeadline) -> None:
        self._transactor = transactor
        self._activity = activity
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoint."""
        operation = Operation("Push and acknowledge together, or not at all", {200: Answer}, body=Body)
        return [Route("POST", "/api/v1/transaction", self.transaction, operation)]

    async def transaction(self, request: Request) -> Response:
        """200 for every transaction that was understood."""
        body: Body = _DECODER.decode(request.body)
        if body.kv or body.timers:
            raise NotFound("kv and timers in a transaction: this server has neither, so it does none of it")
        if not body.operations:
            raise BadRequest("operations array cannot be empty")
        for operation in body.operations:
            if operation.type not in ("push", "ack"):
                return _answer([], [], Transacted((), f"Unknown operation type: {operation.type}"))
        steps, operations = _steps(body)
        required, unknown = _leases(body.required_leases)
        if unknown is not None:
            return _answer([], [], Transacted((), f"required lease {unknown}: Invalid or expired lease"))
        done = await self._transactor.apply(steps, required, self._deadline())
        if done.error is None:
            self._count(done)
        return _answer(steps, operations, done)

    def _count(self, done: Transacted) -> None:
        self._activity.pushed.add(
            sum(isinstance(each, Pushed) and not each.duplicate for each in done.answers)
        )
        self._activity.acked.add(sum(isinstance(each, Acked) for each in done.answers))


def _steps(body: Body) -> tuple[list[Step], list[int]]:
    """The steps, and for each the index of its operation."""
    steps: list[Step] = []
    operations: list[int] = []
    for index, operation in enumerate(body.operations):
        for step in _steps_of(operation):
            steps.append(step)
            operations.append(index)
    return steps, operations


def _steps_of(operation: OperationIn) -> Iterator[Step]:
    if operation.type == "ack":
        yield _ack_of(operation)
    elif operation.items is not None:
        yield from push.checked(operation.items)
    elif operation.queue is not None:
        item = push.Item(
            queue=operation.queue,
            partition=operation.partition,
            payload=operation.payload,
            transaction_id=operation.transaction_id,
            trace_id=operation.trace_id,
        )
        yield from push.checked([item])
    else:
        raise BadRequest("a push operation must have items, or a queue")


def _ack_of(operation: OperationIn) -> AckStep:
    if not operation.transaction_id:
        raise BadRequest("transactionId is required for an ack operation")
    if operation.partition_id is None:
        raise BadRequest("partitionId is required to ensure message uniqueness")
    item = ack.Item(
        transaction_id=operation.transaction_id,
        partition_id=operation.partition_id,
        lease_id=operation.lease_id,
        status=operation.status,
        error=operation.error,
    )
    group = text_of(operation.consumer_group or QUEUE_MODE_GROUP, "consumerGroup")
    return AckStep(group, ack.checked(item))


def _leases(given: list[str]) -> tuple[list[UUID], str | None]:
    """The required leases; and the first that cannot be one. An empty one, from an auto-ack, says nothing."""
    leases: list[UUID] = []
    for text in filter(None, given):
        try:
            leases.append(UUID(text))
        except ValueError:
            return [], text
    return leases, None


def _answer(steps: list[Step], operations: list[int], done: Transacted) -> Response:
    results = [
        _result(operations[position], steps[position], each) for position, each in enumerate(done.answers)
    ]
    return answer(
        Answer(
            transaction_id=str(uuid4()),
            success=done.error is None,
            results=results,
            error=msgspec.UNSET if done.error is None else done.error,
        )
    )


def _result(index: int, step: Step, done: Pushed | Acked) -> PushResult | AckResult:
    if isinstance(step, NewMessage) and isinstance(done, Pushed):
        return PushResult(
            index=index,
            success=True,
            status="duplicate" if done.duplicate else "queued",
            transaction_id=done.transaction_id,
            message_id=done.id,
            partition_id=done.partition.uuid,
            queue_name=step.partition.queue,
        )
    assert isinstance(step, AckStep) and isinstance(done, Acked)
    return AckResult(
        index=index,
        success=True,
        transaction_id=step.item.transaction_id,
        error=None,
        dlq=done.dead,
    )
