"""A look: what a group can have at one moment, and the lease under which it has it.

Registering comes first and by itself: a group that subscribes to what is new gets every message that
is pushed after its first request, also when that request found nothing.

A look is one call (postgres/migrations/0004_pop.sql). It leases partitions to the group, all of them under
one lease id: until the lease ends (an ack, a release, a seek, its time) the group gets nothing more from
them, while pushes and other groups go on. `delayedProcessing` holds back each message until it is that old,
`windowBuffer` the whole partition until its newest one is; a look says when the next of these falls due.

A message whose push was answered is not missed. Before the answer the push has made the cursors available
that had nothing to find; a cursor that somebody else holds at the moment of the look is asked for by name,
which waits for it (`_look_as_known`: up to `_LOOKS_AT_ONCE` times, then it counts as nothing found).

Looks share calls (core/sharing.py): those that arrive while one is in flight ride in the next. There they
never wait for a lock, so none of them keeps the others waiting.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from msgspec import Struct

from queen.core.deadline import Deadline, StartDeadline
from queen.core.directory import Directory
from queen.core.line import Figures
from queen.core.rider import Rider
from queen.core.sharing import Shared
from queen.core.store import (
    QUEUE_MODE_GROUP,
    Hold,
    PartitionName,
    Place,
    PopOutcome,
    PopQuery,
    PopResult,
    Store,
    UnknownGroup,
    UnknownPartition,
)
from queen.errors import OutcomeUnknown, QueenError

_MOST_GROUPS = 100_000
_FRESH_STARTS = 3  # looks that find their queue or group deleted meanwhile, one after the other
_LOOKS_AT_ONCE = 16  # looks without a pause while other pops hold what may be ours
_LARGE_BATCH = 250  # from here on a pop has a call of its own: it would hold up all others

Looks = Shared[Store, PopQuery, PopResult]


def shared_looks(hold: Hold, figures: Figures, boarding_ms: float) -> Looks:
    """Looks into the store, many in a call. Who makes them runs them (`Shared.running`)."""
    return Looks(hold, _look, boarding_ms=boarding_ms, figures=figures)


async def _look(store: Store, queries: Sequence[PopQuery], deadline: Deadline) -> Sequence[PopOutcome]:
    return await store.pop_together(queries, deadline)


class PopRequest(Struct, frozen=True):
    """What a consumer asks for. `wait_ms` 0: answer at once."""

    queue: str
    partition: str | None
    group: str = QUEUE_MODE_GROUP
    batch: int = 1
    partitions: int = 1
    auto_ack: bool = False
    wait_ms: int = 0
    mode: str = "all"
    start: datetime | None = None


class Looker:
    """Looks of one server process."""

    def __init__(self, store: Store, looks: Looks, directory: Directory, deadline: StartDeadline) -> None:
        """`deadline`: of each look, and of giving a lease back; a long poll has several."""
        self._store = store
        self._looks = looks
        self._directory = directory
        self._deadline = deadline
        self._groups: dict[tuple[str, str], int] = {}

    def board(self, request: PopRequest, lease_id: UUID | None) -> Rider[PopQuery, PopResult] | None:
        """A look in company. None: it has a call of its own, or something has to be found out first.

        Fails with `UnknownGroup` or `UnknownPartition` when that was deleted since we knew it; then `forget`
        and `look`.
        """
        group_id = self._groups.get((request.queue, request.group))
        if group_id is None or request.batch >= _LARGE_BATCH:
            return None
        partition_id = None
        if request.partition is not None:
            known = self._directory.known([PartitionName(request.queue, request.partition)])
            if known is None:
                return None
            partition_id = known[0].id
        query = _query(request, group_id, partition_id, lease_id)
        return self._looks.board(query, request.batch, self._deadline())

    async def look(self, request: PopRequest, lease_id: UUID | None) -> PopResult:
        """Look once. A group or a partition that was deleted since we knew it is found or made anew.

        A look that nobody knows the outcome of (`OutcomeUnknown`) leaves no lease, if it can be helped.
        """
        try:
            return await self._look(request, lease_id)
        except OutcomeUnknown as error:
            await self.give_back(lease_id, error)

    async def give_back(self, lease_id: UUID | None, error: OutcomeUnknown) -> NoReturn:
        """A look that nobody knows the outcome of may have taken a lease: nobody will ever ack under it."""
        if lease_id is not None:
            with suppress(QueenError):  # then it has to run out
                await self.release(lease_id)
        raise error

    async def release(self, lease_id: UUID) -> None:
        """End a lease that nobody will ack under."""
        await self._store.release(lease_id, self._deadline())

    async def _look(self, request: PopRequest, lease_id: UUID | None) -> PopResult:
        for _ in range(_FRESH_STARTS):
            try:
                return await self._look_as_known(request, lease_id)
            except (UnknownGroup, UnknownPartition):
                self.forget(request)
        return PopResult(claimed=())

    def forget(self, request: PopRequest) -> None:
        """What was known of its group and its partition was wrong."""
        self._groups.pop((request.queue, request.group), None)
        if request.partition is not None:
            self._directory.forget([PartitionName(request.queue, request.partition)])

    def place(self, queue: str, group: str, partition: str | None) -> Place | None:
        """Where a look would be, as far as it is known."""
        group_id = self._groups.get((queue, group))
        if group_id is None or partition is None:
            return None if group_id is None else Place(group_id, None)
        known = self._directory.known([PartitionName(queue, partition)])
        return None if known is None else Place(group_id, known[0].id)

    async def _look_as_known(self, request: PopRequest, lease_id: UUID | None) -> PopResult:
        deadline = self._deadline()
        group_id = await self._register(request, deadline)
        partition_id = None
        if request.partition is not None:
            name = PartitionName(request.queue, request.partition)
            partition = await self._directory.find(name, deadline)
            if partition is None:
                # Nothing has looked at the group, and it may be gone since we knew it: it registers again,
                # so that what is pushed from now on is for it.
                self._groups.pop((request.queue, request.group), None)
                await self._register(request, deadline)
                return PopResult(claimed=())
            partition_id = partition.id
        query = _query(request, group_id, partition_id, lease_id)
        result = await self._ask(query, deadline)
        looks = 1
        while not result.claimed and result.blocked_partition is not None and looks < _LOOKS_AT_ONCE:
            # Another pop held a partition that looked ready. Ask for that one by name: this waits for
            # the other's commit, and so sees what a push that was answered before us has stored.
            if result.blocked_partition:
                named = _query(request, group_id, result.blocked_partition, lease_id)
                result = await self._store.pop(named, deadline)
                if result.claimed:
                    break
            result = await self._ask(query, deadline)
            looks += 1
        return result

    async def _ask(self, query: PopQuery, deadline: Deadline) -> PopResult:
        if query.batch >= _LARGE_BATCH:
            return await self._store.pop(query, deadline)
        return await self._looks.board(query, query.batch, deadline)

    async def _register(self, request: PopRequest, deadline: Deadline) -> int:
        key = (request.queue, request.group)
        known = self._groups.get(key)
        if known is not None:
            return known
        registered = await self._store.register_group(
            request.queue, request.group, request.mode, request.start, deadline
        )
        if len(self._groups) >= _MOST_GROUPS:
            self._groups.clear()
        self._groups[key] = registered
        return registered


def _query(request: PopRequest, group_id: int, partition_id: int | None, lease_id: UUID | None) -> PopQuery:
    return PopQuery(group_id, request.group, partition_id, request.batch, request.partitions, lease_id)
