"""The reader over PostgreSQL: `queen.core.reading.Reader`, one statement for each question.

A statement sees one snapshot, so the numbers of an answer fit each other. Rows of a list carry its total,
and an empty page is one row of nulls beside it.
"""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

import asyncpg

from queen.core.deadline import Deadline
from queen.core.reading import (
    COUNTED_DEAD_LETTERS,
    Counts,
    DeadLetter,
    DeadLetterFilter,
    GroupDepth,
    GroupPartition,
    GroupSummary,
    GroupView,
    Listed,
    MessageDetail,
    MessageFilter,
    MessageList,
    MessageSummary,
    Page,
    PartitionSummary,
    QueueDetail,
    QueueName,
    QueueStatus,
    QueueSummary,
    Scope,
    Status,
    Window,
)
from queen.postgres import statements
from queen.postgres.calls import Calls
from queen.postgres.pool import Pool


class PostgresReader:
    """What PostgreSQL, or a replica of it, knows."""

    def __init__(self, pool: Pool) -> None:
        self._calls = Calls(pool)

    async def queues(self, scope: Scope, page: Page, deadline: Deadline) -> Listed[QueueSummary]:
        rows = await self._calls.look(
            statements.LIST_QUEUES, deadline, scope.namespace, scope.task, page.limit, page.offset
        )
        found = [tuple(row)[1:] for row in rows if row[1] is not None]
        return Listed([QueueSummary(QueueName(*row[:4]), *row[4:]) for row in found], rows[0][0])

    async def queue(self, name: str, deadline: Deadline) -> QueueDetail | None:
        rows = await self._calls.look(statements.FIND_QUEUE, deadline, name)
        if not rows:
            return None
        partitions = [_partition(row) for row in rows if row["partition_uuid"] is not None]
        return QueueDetail(QueueName(*rows[0][:4]), rows[0][4], partitions)

    async def depth(self, queue: str, group: str, limit: int, deadline: Deadline) -> GroupDepth | None:
        rows = await self._calls.look(statements.FIND_DEPTH, deadline, queue, group, limit)
        if not rows:
            return None
        unread, behind = rows[0][:2]
        return GroupDepth(unread, behind, [(name, count) for _, _, name, count in rows if name is not None])

    async def status(self, scope: Scope, window: Window, most_errors: int, deadline: Deadline) -> Status:
        rows = await self._calls.look(
            statements.READ_STATUS,
            deadline,
            scope.queue,
            scope.namespace,
            scope.task,
            window.since,
            window.until,
            most_errors,
        )
        last = rows.pop()
        errors = zip(last["errors"] or (), last["letters"] or (), strict=True)
        return Status([_queue_status(row) for row in rows], last["since"], last["until"], list(errors))

    async def messages(self, wanted: MessageFilter, page: Page, deadline: Deadline) -> MessageList:
        rows = await self._calls.look(
            statements.LIST_MESSAGES,
            deadline,
            wanted.scope.queue,
            wanted.partition,
            wanted.scope.namespace,
            wanted.scope.task,
            wanted.status,
            wanted.window.since,
            wanted.window.until,
            page.limit,
            page.offset,
        )
        total, queue_mode, named_groups = rows[0][:3]
        found = [MessageSummary(*tuple(row)[3:]) for row in rows if row[3] is not None]
        return MessageList(Listed(found, total), queue_mode, named_groups)

    async def message(self, partition: UUID, transaction_id: str, deadline: Deadline) -> MessageDetail | None:
        rows = await self._calls.look(statements.FIND_MESSAGE, deadline, partition, transaction_id)
        if not rows:
            return None
        return _message_detail(rows[0])

    async def dead_letters(
        self, wanted: DeadLetterFilter, page: Page, deadline: Deadline
    ) -> Listed[DeadLetter]:
        rows = await self._calls.look(
            statements.LIST_DEAD_LETTERS,
            deadline,
            wanted.queue,
            wanted.group,
            wanted.partition,
            wanted.window.since,
            wanted.window.until,
            page.limit,
            page.offset,
            COUNTED_DEAD_LETTERS,
        )
        return Listed([DeadLetter(*tuple(row)[1:]) for row in rows if row[1] is not None], rows[0][0])

    async def groups(self, page: Page, deadline: Deadline) -> Listed[GroupSummary]:
        rows = await self._calls.look(statements.LIST_GROUPS, deadline, page.limit, page.offset)
        return Listed([GroupSummary(*tuple(row)[1:]) for row in rows if row[1] is not None], rows[0][0])

    async def group(self, name: str, deadline: Deadline) -> dict[str, Sequence[GroupPartition]]:
        rows = await self._calls.look(statements.FIND_GROUP, deadline, name)
        return {
            queue: [GroupPartition(*tuple(row)[1:]) for row in found if row[1] is not None]
            for queue, found in groupby(rows, key=lambda row: str(row[0]))
        }


def _message_detail(row: asyncpg.Record) -> MessageDetail:
    return MessageDetail(
        summary=MessageSummary(*tuple(row)[: len(MessageSummary.__struct_fields__)]),
        payload=row["payload"],
        error=row["error"],
        retry_count=row["retry_count"],
        lease_time_s=row["lease_time"],
        retry_limit=row["retry_limit"],
        retry_delay_ms=row["retry_delay"],
        ttl_s=row["ttl"],
        groups=list(map(GroupView, row["names"], row["consumed"], row["leases"])),
    )


def _partition(row: asyncpg.Record) -> PartitionSummary:
    return PartitionSummary(
        uuid=row["partition_uuid"],
        name=row["partition"],
        created_at=row["partition_created_at"],
        counts=_counts(row),
        oldest=row["oldest"],
        newest=row["newest"],
    )


def _queue_status(row: asyncpg.Record) -> QueueStatus:
    return QueueStatus(
        queue=QueueName(row["uuid"], row["name"], row["namespace"], row["task"]),
        partitions=row["partitions"],
        consumed=row["consumed"],
        counts=_counts(row),
        partitions_with_dead_letters=row["with_dead_letters"],
        leases=row["leases"],
        leased_partitions=row["leased_partitions"],
        handed_out=row["handed_out"],
        acknowledged=row["acknowledged"],
    )


def _counts(row: asyncpg.Record) -> Counts:
    return Counts(**{name: row[name] for name in Counts.__struct_fields__})
