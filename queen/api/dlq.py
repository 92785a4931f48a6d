"""GET /api/v1/dlq: what was given up, with its own copy of the message."""

from uuid import UUID

import msgspec
from msgspec import Struct

from queen.api.codec import answer, milliseconds
from queen.api.listing import PARTITION, QUEUE, Between, Pagination, Paging
from queen.api.query import Text
from queen.core.deadline import StartDeadline
from queen.core.reading import COUNTED_DEAD_LETTERS, DeadLetter, DeadLetterFilter, Reader
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

_MOST = 1000
_PAGING = Paging.of(default=100, most=_MOST, furthest=COUNTED_DEAD_LETTERS - _MOST)
_GROUP = Text("consumerGroup", "only this group")
_WINDOW = Between.of("failed", "from the first on unless given")


class DeadLetterOut(Struct, rename="camel"):
    """One dead letter; `data` is the payload as it came in, `retryCount` that of the message at its end."""

    id: UUID
    transaction_id: str
    partition_id: UUID
    queue: str
    partition: str
    consumer_group: str
    error_message: str
    retry_count: int
    data: msgspec.Raw
    producer_sub: None
    created_at: str
    failed_at: str


class DeadLettersOut(Struct, rename="camel"):
    """The list. `totalCapped`: there are more than `total`."""

    messages: list[DeadLetterOut]
    pagination: Pagination
    total: int
    total_capped: bool


class DeadLettersResource:
    """The dead letters' endpoint."""

    def __init__(self, reader: Reader, deadline: StartDeadline) -> None:
        self._reader = reader
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoint."""
        filters = (QUEUE, _GROUP, PARTITION, *_WINDOW)
        listed = Operation("Dead letters, newest failure first", {200: DeadLettersOut}, (*filters, *_PAGING))
        return [Route("GET", "/api/v1/dlq", self.dead_letters, listed)]

    async def dead_letters(self, request: Request) -> Response:
        """200: a page of those that fit all filters."""
        query = request.query
        page = _PAGING.read(query)
        wanted = DeadLetterFilter(
            queue=QUEUE.read(query) or None,
            group=_GROUP.read(query) or None,
            partition=PARTITION.read(query) or None,
            window=_WINDOW.read(query),
        )
        listed = await self._reader.dead_letters(wanted, page, self._deadline())
        total = min(listed.total, COUNTED_DEAD_LETTERS)
        return answer(
            DeadLettersOut(
                messages=[_out(letter) for letter in listed.items],
                pagination=Pagination(page.limit, page.offset, total),
                total=total,
                total_capped=listed.total > COUNTED_DEAD_LETTERS,
            )
        )


def _out(letter: DeadLetter) -> DeadLetterOut:
    return DeadLetterOut(
        id=letter.message_id,
        transaction_id=letter.transaction_id,
        partition_id=letter.partition_uuid,
        queue=letter.queue,
        partition=letter.partition,
        consumer_group=letter.group,
        error_message=letter.error,
        retry_count=letter.retry_count,
        data=msgspec.Raw(letter.payload.encode()),
        producer_sub=None,
        created_at=milliseconds(letter.created_at),
        failed_at=milliseconds(letter.failed_at),
    )
