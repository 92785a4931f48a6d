"""/api/v1/status…: the whole in sum. Exact and of this moment; what is not measured is not here."""

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import asdict

from queen.api.codec import answer, milliseconds
from queen.api.listing import NAMESPACE, QUEUE, TASK, Between, Paging, scope_of
from queen.api.resources import CountsOut, QueueNameOut, QueuesOut, page_of_queues, totals_out
from queen.core.deadline import StartDeadline
from queen.core.reading import QueueStatus, Reader, Status
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

_MOST_ERRORS = 10
_PAGING = Paging.of(default=100, most=10_000)
_WINDOW = Between.of("of the errors: those of dead letters that failed", "the hour before `to` unless given")


class TimeRange(Struct):
    """The window of `topErrors`; everything else is of this moment."""

    since: str = field(name="from")
    to: str


class QueueStatusOut(QueueNameOut, rename="camel"):
    """One queue; `totalConsumed` is the sum over its groups."""

    partitions: int
    total_consumed: int


class Leases(Struct, rename="camel"):
    """Live leases: the messages that they handed out, and how many of those are acknowledged."""

    active: int
    partitions_with_leases: int
    total_batch_size: int
    total_acked: int


class TopError(Struct):
    """An error and how many dead letters have it."""

    error: str
    count: int


class DeadLetters(Struct, rename="camel"):
    """All dead letters, and the most frequent errors of those in the time range."""

    total_messages: int
    affected_partitions: int
    top_errors: list[TopError]


class StatusOut(Struct, rename="camel"):
    """The answer."""

    time_range: TimeRange
    queues: list[QueueStatusOut]
    messages: CountsOut
    leases: Leases
    dead_letter_queue: DeadLetters


class StatusResource:
    """The status endpoints."""

    def __init__(self, reader: Reader, deadline: StartDeadline) -> None:
        self._reader = reader
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoints."""
        filters = (QUEUE, NAMESPACE, TASK, *_WINDOW)
        totals = Operation("Totals of messages, leases and dead letters", {200: StatusOut}, filters)
        queues = Operation("Queues, newest first", {200: QueuesOut}, (NAMESPACE, TASK, *_PAGING))
        return [
            Route("GET", "/api/v1/status", self.status, totals),
            Route("GET", "/api/v1/status/queues", self.queues, queues),
        ]

    async def status(self, request: Request) -> Response:
        """200; a filter that fits no queue gives zeros."""
        scope = scope_of(request.query, QUEUE)
        window = _WINDOW.read(request.query)
        status = await self._reader.status(scope, window, _MOST_ERRORS, self._deadline())
        return answer(_status_out(status))

    async def queues(self, request: Request) -> Response:
        """200: a page of the queues."""
        return await page_of_queues(self._reader, _PAGING, request, self._deadline())


def _status_out(status: Status) -> StatusOut:
    queues = status.queues
    return StatusOut(
        time_range=TimeRange(milliseconds(status.since), milliseconds(status.until)),
        queues=[_queue_out(queue) for queue in queues],
        messages=totals_out([queue.counts for queue in queues]),
        leases=_leases(queues),
        dead_letter_queue=DeadLetters(
            total_messages=sum(queue.counts.dead_letter for queue in queues),
            affected_partitions=sum(queue.partitions_with_dead_letters for queue in queues),
            top_errors=[TopError(error, count) for error, count in status.errors],
        ),
    )


def _leases(queues: Sequence[QueueStatus]) -> Leases:
    return Leases(
        active=sum(queue.leases for queue in queues),
        partitions_with_leases=sum(queue.leased_partitions for queue in queues),
        total_batch_size=sum(queue.handed_out for queue in queues),
        total_acked=sum(queue.acknowledged for queue in queues),
    )


def _queue_out(status: QueueStatus) -> QueueStatusOut:
    return QueueStatusOut(
        **asdict(status.queue),
        partitions=status.partitions,
        total_consumed=status.consumed,
    )
