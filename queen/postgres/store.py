"""The store over PostgreSQL: `queen.core.store.Store`, one database call for each operation.

Each method borrows one connection for one statement. Two hold it for a transaction of several round trips:
the sequential push, which is there to show what that costs, and `configure`, which is rare.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate, chain
from uuid import UUID

import asyncpg
from msgspec.structs import astuple

from queen.core.backlog import Depth
from queen.core.deadline import Deadline
from queen.core.expiry import Expiry, Step
from queen.core.store import (
    AckItem,
    AckOutcome,
    Claimed,
    ConfiguredQueue,
    Extension,
    NewMessage,
    Partition,
    PartitionName,
    Place,
    PlainAck,
    PopOutcome,
    PopQuery,
    PopResult,
    QueueOptions,
    TransactionOutcome,
    TransactionPlan,
    UnknownGroup,
    UnknownPartition,
)
from queen.postgres import statements
from queen.postgres.calls import Calls
from queen.postgres.connection import Connection
from queen.postgres.grouping import group
from queen.postgres.outcome import executing
from queen.postgres.pool import Pool
from queen.postgres.transactions import transaction


class PostgresStore:
    """Messages in PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._calls = Calls(pool)

    async def resolve(
        self, names: Sequence[PartitionName], deadline: Deadline
    ) -> dict[PartitionName, Partition]:
        queues = [name.queue for name in names]
        partitions = [name.partition for name in names]
        rows = await self._calls.fetch(statements.RESOLVE_PARTITIONS, deadline, queues, partitions)
        return {
            PartitionName(queue, partition): Partition(partition_id, str(uuid))
            for queue, partition, partition_id, uuid in rows
        }

    async def find(self, name: PartitionName, deadline: Deadline) -> Partition | None:
        rows = await self._calls.fetch(statements.FIND_PARTITION, deadline, name.queue, name.partition)
        return Partition(rows[0][0], str(rows[0][1])) if rows else None

    async def push_batch(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> dict[int, str]:
        if len(messages) == 1:
            [[existing]] = await self._calls.fetch(
                statements.PUSH_ONE, deadline, *_one(messages[0], partitions[0])
            )
            return {} if existing is None else {0: str(existing)}
        grouped = group(messages, partitions)
        [[found]] = await self._calls.fetch(statements.PUSH, deadline, *grouped.columns())
        there = [(number, existing) for number, existing in enumerate(found or ()) if existing is not None]
        return grouped.existing(there)

    async def push_sequential(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> dict[int, str]:
        async def insert(connection: Connection) -> dict[int, str]:
            async with transaction(connection, deadline):
                return await _insert_each(connection, messages, partitions, deadline)

        return await self._calls.run(insert, deadline)

    async def register_group(
        self, queue: str, group: str, mode: str, start: datetime | None, deadline: Deadline
    ) -> int:
        rows = await self._calls.fetch(statements.REGISTER_GROUP, deadline, queue, group, mode, start)
        return int(rows[0][0])

    async def pop(self, query: PopQuery, deadline: Deadline) -> PopResult:
        [outcome] = await self._pop([query], deadline, wait=True)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def pop_together(self, queries: Sequence[PopQuery], deadline: Deadline) -> Sequence[PopOutcome]:
        return await self._pop(queries, deadline, wait=False)

    async def _pop(self, queries: Sequence[PopQuery], deadline: Deadline, *, wait: bool) -> list[PopOutcome]:
        rows = await self._calls.fetch(
            statements.POP,
            deadline,
            [query.group_id for query in queries],
            [query.group for query in queries],
            [query.partition_id for query in queries],
            [query.batch for query in queries],
            [query.partitions for query in queries],
            [query.lease_id for query in queries],
            wait,
        )
        found: list[list[asyncpg.Record]] = [[] for _ in queries]
        for row in rows:
            found[row[0] - 1].append(row)
        return [_pop_outcome(each) for each in found]

    async def find_due(
        self, places: Sequence[Place], within_ms: float, deadline: Deadline
    ) -> dict[int, float]:
        groups = [place.group_id for place in places]
        partitions = [place.partition_id for place in places]
        rows = await self._calls.fetch(statements.FIND_DUE, deadline, groups, partitions, within_ms)
        return {line - 1: due_in_ms for line, due_in_ms in rows}

    async def release(self, lease_id: UUID, deadline: Deadline) -> None:
        await self._calls.fetch(statements.RELEASE, deadline, lease_id)

    async def ack(self, group: str, items: Sequence[AckItem], deadline: Deadline) -> Sequence[AckOutcome]:
        rows = await self._calls.fetch(statements.ACK, deadline, group, *_ack_columns(items))
        return [AckOutcome(*tuple(row)[1:]) for row in rows]

    async def ack_together(
        self, requests: Sequence[PlainAck], deadline: Deadline
    ) -> Sequence[AckOutcome | None]:
        rows = await self._calls.fetch(
            statements.ACK_TOGETHER,
            deadline,
            [request.group for request in requests],
            [request.partition_uuid for request in requests],
            [request.lease_id for request in requests],
            list(accumulate(len(request.transaction_ids) for request in requests)),
            list(chain.from_iterable(request.transaction_ids for request in requests)),
        )
        return [
            None if outcome is None else AckOutcome(outcome, False, released, queue, partition)
            for _, outcome, released, queue, partition in rows
        ]

    async def transact(self, plan: TransactionPlan, deadline: Deadline) -> TransactionOutcome:
        grouped = group(plan.messages, plan.partitions)
        rows = await self._calls.fetch(
            statements.TRANSACT,
            deadline,
            plan.required,
            *grouped.columns(),
            [group for group, _ in plan.acks],
            *_ack_columns([item for _, item in plan.acks]),
        )
        return TransactionOutcome(
            lost=[row["item"] - 1 for row in rows if row["kind"] == "lease"],
            existing=grouped.existing(
                (row["item"] - 1, row["existing"]) for row in rows if row["kind"] == "push"
            ),
            acks=[AckOutcome(*tuple(row)[3:]) for row in rows if row["kind"] == "ack"],
        )

    async def extend(self, lease_id: UUID, seconds: int, deadline: Deadline) -> Extension:
        rows = await self._calls.fetch(statements.EXTEND_LEASE, deadline, lease_id, seconds)
        return Extension(*rows[0])

    async def seek(
        self, queue: str, group: str, partition: str | None, to: datetime | None, deadline: Deadline
    ) -> dict[str, int]:
        rows = await self._calls.fetch(statements.SEEK, deadline, queue, group, partition, to)
        return {row[0]: row[1] for row in rows}

    async def delete_group(
        self, group: str, queue: str | None, subscription: bool, deadline: Deadline
    ) -> dict[str, int]:
        rows = await self._calls.fetch(statements.DELETE_GROUP, deadline, group, queue, subscription)
        return {row["queue"]: row["partitions"] for row in rows}

    async def delete_queue(self, queue: str, deadline: Deadline) -> bool:
        rows = await self._calls.fetch(statements.DELETE_QUEUE, deadline, queue)
        return bool(rows[0][0])

    async def configure(
        self, queue: str, namespace: str, task: str, options: QueueOptions, deadline: Deadline
    ) -> ConfiguredQueue:
        values = astuple(options)

        async def configure(connection: Connection) -> ConfiguredQueue:
            async def fetch(statement: str, *arguments: object) -> list[asyncpg.Record]:
                return await connection.fetch(statement, *arguments, timeout=deadline.remaining_s())

            async with transaction(connection, deadline):
                with executing(commits=False):
                    await fetch(statements.LOCK_QUEUE, queue)
                    [made] = await fetch(statements.CONFIGURE, queue, namespace, task, *values)
                    [default] = await fetch(statements.RESOLVE_PARTITIONS, [queue], ["Default"])
                    await fetch(statements.LOCK_CURSORS, queue)
                    await fetch(statements.REFRESH_DUE, queue)
            return ConfiguredQueue(queue_uuid=made["uuid"], partition_uuid=default["partition_uuid"])

        return await self._calls.run(configure, deadline)

    async def depths(self, queues: Sequence[str], deadline: Deadline) -> Sequence[Depth]:
        rows = await self._calls.fetch(statements.DEPTHS, deadline, queues)
        return [Depth(*row) for row in rows]

    async def delete_prefixes(self, expiry: Expiry, after: int, most: int, deadline: Deadline) -> Step:
        rows = await self._calls.fetch(statements.DELETE_PREFIXES, deadline, expiry.value, after, most)
        return Step(*rows[0])

    async def ping(self, deadline: Deadline) -> None:
        await self._calls.fetch(statements.PING, deadline)


def _pop_outcome(rows: list[asyncpg.Record]) -> PopOutcome:
    """What the rows of one pop say (statements/pop.sql)."""
    _, partition, _, _, _, _, next_in_ms, blocked_partition, gone = rows[0]
    if partition is not None:
        return PopResult(
            [
                Claimed(uuid, name, messages, objects + closing)
                for _, uuid, name, messages, objects, closing, *_ in rows
            ]
        )
    if gone is not None:
        return UnknownGroup() if gone == "group" else UnknownPartition()
    return PopResult((), next_in_ms, blocked_partition)


async def _insert_each(
    connection: Connection, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
) -> dict[int, str]:
    existing: dict[int, str] = {}
    with executing(commits=False):
        await connection.fetch(statements.LOCK_PARTITIONS, partitions, timeout=deadline.remaining_s())
        for index, message in enumerate(messages):
            found = await connection.fetchval(
                statements.PUSH_ONE, *_one(message, partitions[index]), timeout=deadline.remaining_s()
            )
            if found is not None:
                existing[index] = str(found)
    return existing


def _one(message: NewMessage, partition: int) -> tuple[object, ...]:
    return partition, message.id, message.transaction_id, message.trace_id, message.payload.decode()


def _ack_columns(items: Sequence[AckItem]) -> tuple[Sequence[object], ...]:
    return (
        [item.partition_uuid for item in items],
        [item.transaction_id for item in items],
        [item.status for item in items],
        [item.lease_id for item in items],
        [item.error for item in items],
    )
