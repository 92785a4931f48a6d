"""GET /api/v1/resources/queues/{queue}/depth: what one group has still to consume."""

from msgspec import Struct

from queen.api.codec import answer, text_of
from queen.api.query import Number, Text
from queen.core.deadline import StartDeadline
from queen.core.reading import Reader
from queen.core.store import QUEUE_MODE_GROUP
from queen.errors import NotFound
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

_GROUP = Text("group", "the group that reads; none: queue mode", default=QUEUE_MODE_GROUP)
_FULLEST = Number("limit", "partitions at most, the fullest first", default=1000, least=1, most=100_000)


class PartitionDepthOut(Struct):
    """A partition of which the group has still to consume something."""

    partition: str
    pending: int


class DepthOut(Struct, rename="camel"):
    """What a group has still to consume, handed out or not; the totals are of all partitions."""

    queue: str
    group: str
    pending: int
    partitions_pending: int
    conflation: bool
    effective_pending: int
    partitions: list[PartitionDepthOut]


class DepthResource:
    """The depth endpoint."""

    def __init__(self, reader: Reader, deadline: StartDeadline) -> None:
        self._reader = reader
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoint."""
        operation = Operation("What a group has still to consume", {200: DepthOut}, (_GROUP, _FULLEST))
        return [Route("GET", "/api/v1/resources/queues/{queue}/depth", self.depth, operation)]

    async def depth(self, request: Request) -> Response:
        """200, or 404; of a group that does not read the queue: what it would get if it began now."""
        queue = text_of(request.params[0], "queue")
        group = _GROUP.read(request.query)
        limit = _FULLEST.read(request.query)
        depth = await self._reader.depth(queue, group, limit, self._deadline())
        if depth is None:
            raise NotFound("Queue not found")
        return answer(
            DepthOut(
                queue=queue,
                group=group,
                pending=depth.unread,
                partitions_pending=depth.partitions_behind,
                conflation=False,
                effective_pending=depth.unread,
                partitions=[PartitionDepthOut(name, unread) for name, unread in depth.partitions],
            )
        )
