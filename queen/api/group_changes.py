"""DELETE and seek below /api/v1/consumer-groups: what can be done to a group."""

from datetime import datetime

from msgspec import Struct

from queen.api.codec import Decoder, answer, text_of
from queen.api.query import Flag, instant_of
from queen.core.deadline import StartDeadline
from queen.core.groups import Groups
from queen.errors import BadRequest, NotFound
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

_FORGET = Flag("deleteMetadata", "forget where the group starts, too", default=True)


class SeekBody(Struct, rename="camel"):
    """Where to: one of the two."""

    to_end: bool = False
    timestamp: str | None = None


class Sought(Struct, rename="camel"):
    """A group was moved; a group that does not read the queue has no partitions to move on."""

    success: bool
    consumer_group: str
    queue_name: str
    seek_to_end: bool
    target_timestamp: str | None
    partitions_updated: int


class PartitionSought(Struct, rename="camel"):
    """A group was moved to the end of one partition. `cursorMovedTo`: its position now, if it reads there."""

    success: bool
    consumer_group: str
    queue_name: str
    partition_name: str
    updated: bool
    cursor_moved_to: int | None


class Deleted(Struct, rename="camel"):
    """A group's progress is gone; one that had none is no error. `queueName`: null is every queue."""

    success: bool
    consumer_group: str
    queue_name: str | None
    deleted_partitions: int
    metadata_deleted: bool


_DECODER = Decoder(
    SeekBody, {"toEnd": "toEnd must be true or false", "timestamp": "timestamp must be an ISO 8601 time"}
)


class GroupChangesResource:
    """The endpoints that change a consumer group."""

    def __init__(self, groups: Groups, deadline: StartDeadline) -> None:
        self._groups = groups
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoints."""
        gone = {200: Deleted}
        delete = Operation("Delete a group's progress on every queue", gone, (_FORGET,))
        delete_one = Operation("Delete a group's progress on one queue", gone, (_FORGET,))
        seek = Operation("Move a group to the end, or behind a time", {200: Sought}, body=SeekBody)
        skip = Operation("Move a group to the end of one partition", {200: PartitionSought})
        group = "/api/v1/consumer-groups/{group}"
        queue = group + "/queues/{queue}"
        return [
            Route("DELETE", group, self.delete, delete),
            Route("DELETE", queue, self.delete_on_queue, delete_one),
            Route("POST", queue + "/seek", self.seek, seek),
            Route("POST", queue + "/partitions/{partition}/seek", self.skip_partition, skip),
        ]

    async def delete(self, request: Request) -> Response:
        """200."""
        return await self._delete(request, None)

    async def delete_on_queue(self, request: Request) -> Response:
        """200."""
        return await self._delete(request, text_of(request.params[1], "queue"))

    async def _delete(self, request: Request, queue: str | None) -> Response:
        group = text_of(request.params[0], "group")
        forget = _FORGET.read(request.query)
        partitions = await self._groups.delete(group, queue, forget, self._deadline())
        return answer(
            Deleted(
                success=True,
                consumer_group=group,
                queue_name=queue,
                deleted_partitions=partitions,
                metadata_deleted=forget,
            )
        )

    async def seek(self, request: Request) -> Response:
        """200; 400 without a target."""
        group, queue = text_of(request.params[0], "group"), text_of(request.params[1], "queue")
        body: SeekBody = _DECODER.decode(request.body)
        moved = await self._groups.seek(queue, group, None, _target(body), self._deadline())
        return answer(
            Sought(
                success=True,
                consumer_group=group,
                queue_name=queue,
                seek_to_end=body.to_end,
                target_timestamp=None if body.to_end else body.timestamp,
                partitions_updated=len(moved),
            )
        )

    async def skip_partition(self, request: Request) -> Response:
        """200; 404 when the group does not read such a partition. The body says nothing."""
        group, queue = text_of(request.params[0], "group"), text_of(request.params[1], "queue")
        partition = text_of(request.params[2], "partition")
        moved = await self._groups.seek(queue, group, partition, None, self._deadline())
        if partition not in moved:
            raise NotFound("Partition not found")
        return answer(
            PartitionSought(
                success=True,
                consumer_group=group,
                queue_name=queue,
                partition_name=partition,
                updated=True,
                cursor_moved_to=moved[partition],
            )
        )


def _target(body: SeekBody) -> datetime | None:
    """None: the end."""
    if body.to_end:
        return None
    if not body.timestamp:
        raise BadRequest("Must specify either toEnd or timestamp")
    return instant_of(body.timestamp, "timestamp")
