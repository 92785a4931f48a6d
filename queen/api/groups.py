"""/api/v1/consumer-groups…: who reads what, and how far."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from queen.api.codec import answer, milliseconds, text_of
from queen.api.listing import Paging
from queen.core.deadline import StartDeadline
from queen.core.reading import GroupPartition, GroupSummary, Reader
from queen.errors import NotFound
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

_PAGING = Paging.of(default=1000, most=10_000)
_LAGGING_FROM_S = 300


class GroupOut(Struct, rename="camel"):
    """A group on one queue; `members` are the partitions that it reads.

    Lags are of messages that it has not consumed: their number, and s since the oldest of them was pushed.
    `state`: Dead, when it never consumed although there is something; Lagging, after five minutes; Stable.
    """

    name: str
    topics: list[str]
    queue_name: str
    members: int
    partitions_with_lag: int
    total_lag: int
    max_time_lag: int
    state: str
    subscription_mode: str
    subscription_timestamp: str | None
    subscription_created_at: str


class GroupPartitionOut(Struct, rename="camel"):
    """How far a group is in one partition; `workerId` is the id of the live lease. Lags as in `GroupOut`."""

    partition: str
    worker_id: UUID | None
    last_consumed_at: str | None
    total_consumed: int
    offset_lag: int
    time_lag_seconds: int
    lease_active: bool


class GroupOnQueue(Struct):
    """The partitions of one queue."""

    partitions: list[GroupPartitionOut]


class GroupsResource:
    """The consumer groups' endpoints."""

    def __init__(self, reader: Reader, deadline: StartDeadline) -> None:
        self._reader = reader
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoints; `lagging` is a list that this server does not have, and no group."""
        summary = "Groups, one for each queue that they read; X-Total-Count has the length of the list"
        listed = Operation(summary, {200: list[GroupOut]}, _PAGING)
        one = Operation("How far a group is, by queue", {200: dict[str, GroupOnQueue]})
        groups = "/api/v1/consumer-groups"
        return [
            Route("GET", groups, self.groups, listed),
            Route("GET", groups + "/{group}", self.group, one),
            Route("GET", groups + "/lagging", self.lagging),
        ]

    async def groups(self, request: Request) -> Response:
        """200: an array, as the contract has it; the total is a header."""
        page = _PAGING.read(request.query)
        listed = await self._reader.groups(page, self._deadline())
        listing = answer([_group_out(group) for group in listed.items])
        return replace(listing, headers=(("X-Total-Count", str(listed.total)),))

    async def group(self, request: Request) -> Response:
        """200: by queue; an unknown group reads none."""
        name = text_of(request.params[0], "group")
        found = await self._reader.group(name, self._deadline())
        return answer(
            {
                queue: GroupOnQueue(list(map(_partition_out, partitions)))
                for queue, partitions in found.items()
            }
        )

    async def lagging(self, _request: Request) -> Response:
        """404."""
        raise NotFound("no such route")


def _group_out(group: GroupSummary) -> GroupOut:
    return GroupOut(
        name=group.name,
        topics=[group.queue],
        queue_name=group.queue,
        members=group.partitions,
        partitions_with_lag=group.partitions_behind,
        total_lag=group.unread,
        max_time_lag=group.lag_s,
        state=_state(group),
        subscription_mode=group.subscription_mode,
        subscription_timestamp=milliseconds(group.subscription_from),
        subscription_created_at=milliseconds(group.created_at),
    )


def _state(group: GroupSummary) -> str:
    if group.unread and group.last_consumed_at is None:
        return "Dead"
    return "Lagging" if group.lag_s > _LAGGING_FROM_S else "Stable"


def _partition_out(partition: GroupPartition) -> GroupPartitionOut:
    return GroupPartitionOut(
        partition=partition.partition,
        worker_id=partition.lease_id,
        last_consumed_at=milliseconds(partition.last_consumed_at),
        total_consumed=partition.consumed,
        offset_lag=partition.unread,
        time_lag_seconds=partition.lag_s,
        lease_active=partition.lease_id is not None,
    )
