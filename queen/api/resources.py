"""/api/v1/resources/queues…: what there is, and how far it is."""

from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import asdict

from queen.api.codec import answer, milliseconds, text_of
from queen.api.listing import NAMESPACE, TASK, Pagination, Paging, scope_of
from queen.core.deadline import Deadline, StartDeadline
from queen.core.queues import Queues
from queen.core.reading import Counts, PartitionSummary, QueueSummary, Reader
from queen.errors import NotFound
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

_PAGING = Paging.of(default=1000, most=10_000)


class Held(Struct):
    """Messages that are still there; pending and processing are those of the reference group."""

    total: int
    pending: int
    processing: int


class CountsOut(Struct, rename="camel"):
    """The same in full. `failed` is 0: a failed message is pending again, or a dead letter.

    `deadLetter` counts dead letters, which outlive their messages and are no part of the total.
    """

    total: int
    pending: int
    processing: int
    completed: int
    failed: int
    dead_letter: int


class QueueNameOut(Struct):
    """What an answer says of a queue first: `queen.core.reading.QueueName`, field by field."""

    uuid: UUID = field(name="id")
    name: str
    namespace: str
    task: str


class QueueOut(QueueNameOut, rename="camel"):
    """One queue of a list."""

    created_at: str
    partitions: int
    messages: Held


class QueuesOut(Struct):
    """The list of queues, newest first."""

    queues: list[QueueOut]
    pagination: Pagination


class PartitionOut(Struct, rename="camel"):
    """One partition; the times are those of its oldest and newest message."""

    id: UUID
    name: str
    created_at: str
    stats: CountsOut
    oldest_message: str | None
    newest_message: str | None


class QueueDetailOut(QueueNameOut, rename="camel"):
    """One queue."""

    created_at: str
    partitions: list[PartitionOut]
    totals: CountsOut


class DeletedOut(Struct):
    """The answer to a deletion: afterwards there is no such queue, whether or not there was one."""

    deleted: bool
    queue: str
    existed: bool


class ResourcesResource:
    """The queue endpoints."""

    def __init__(self, reader: Reader, queues: Queues, deadline: StartDeadline) -> None:
        self._reader = reader
        self._queues = queues
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoints."""
        listed = Operation("Queues, newest first", {200: QueuesOut}, (NAMESPACE, TASK, *_PAGING))
        one = Operation("A queue and its partitions", {200: QueueDetailOut})
        delete = Operation("Delete a queue and all that belongs to it", {200: DeletedOut})
        queues = "/api/v1/resources/queues"
        return [
            Route("GET", queues, self.queues, listed),
            Route("GET", queues + "/{queue}", self.queue, one),
            Route("DELETE", queues + "/{queue}", self.delete, delete),
        ]

    async def queues(self, request: Request) -> Response:
        """200: a page of the queues."""
        return await page_of_queues(self._reader, _PAGING, request, self._deadline())

    async def queue(self, request: Request) -> Response:
        """200, or 404."""
        name = text_of(request.params[0], "queue")
        detail = await self._reader.queue(name, self._deadline())
        if detail is None:
            raise NotFound("Queue not found")
        return answer(
            QueueDetailOut(
                **asdict(detail.queue),
                created_at=milliseconds(detail.created_at),
                partitions=[_partition_out(partition) for partition in detail.partitions],
                totals=totals_out([partition.counts for partition in detail.partitions]),
            )
        )

    async def delete(self, request: Request) -> Response:
        """200, also when there is none."""
        name = text_of(request.params[0], "queue")
        existed = await self._queues.delete(name, self._deadline())
        return answer(DeletedOut(deleted=True, queue=name, existed=existed))


async def page_of_queues(reader: Reader, paging: Paging, request: Request, deadline: Deadline) -> Response:
    """The list of queues, as both of its routes give it: they differ in the length of a page alone."""
    page = paging.read(request.query)
    listed = await reader.queues(scope_of(request.query), page, deadline)
    return answer(
        QueuesOut(
            [_queue_out(queue) for queue in listed.items], Pagination(page.limit, page.offset, listed.total)
        )
    )


def totals_out(counts: list[Counts]) -> CountsOut:
    """Their sum."""
    return CountsOut(
        total=sum(each.total for each in counts),
        pending=sum(each.pending for each in counts),
        processing=sum(each.processing for each in counts),
        completed=sum(each.completed for each in counts),
        failed=0,
        dead_letter=sum(each.dead_letter for each in counts),
    )


def _queue_out(summary: QueueSummary) -> QueueOut:
    return QueueOut(
        **asdict(summary.queue),
        created_at=milliseconds(summary.created_at),
        partitions=summary.partitions,
        messages=Held(summary.total, summary.pending, summary.processing),
    )


def _partition_out(partition: PartitionSummary) -> PartitionOut:
    return PartitionOut(
        id=partition.uuid,
        name=partition.name,
        created_at=milliseconds(partition.created_at),
        stats=totals_out([partition.counts]),
        oldest_message=milliseconds(partition.oldest),
        newest_message=milliseconds(partition.newest),
    )
