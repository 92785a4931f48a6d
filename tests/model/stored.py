"""What the database holds and what the model says it holds, in one comparable shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from .model import Model
from .parts import DeadLetter

Lane = tuple[str, str]  # queue, partition

_MESSAGES = """
select q.name, p.name, p.uuid::text, p.head, p.tail, m.position, m.transaction_id, m.id::text
from queen.queues q
join queen.partitions p on p.queue_id = q.id
left join queen.messages m on m.partition_id = p.id
where q.name = any ($1)
order by q.name, p.name, m.position
"""

_CURSORS = """
select q.name, p.name, g.name, c.position, c.attempts_position, c.attempts, c.expired_leases, c.lease_id::text
from queen.queues q
join queen.partitions p on p.queue_id = q.id
join queen.cursors c on c.partition_id = p.id
join queen.consumer_groups g on g.id = c.group_id
where q.name = any ($1)
"""

_DEAD_LETTERS = """
select q.name, p.name, d.consumer_group, d.position, d.retry_count
from queen.dead_letters d
join queen.queues q on q.id = d.queue_id
join queen.partitions p on p.id = d.partition_id
where q.name = any ($1)
order by d.id
"""


@dataclass(frozen=True)
class StoredPartition:
    """A partition's id, its head, and (position, transactionId, id) of its messages."""

    uuid: str
    head: int
    messages: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class StoredCursor:
    """A group's progress. `lease`: the id that the row knows, live or run out."""

    position: int
    attempts: tuple[tuple[int, int], ...]  # position, failures
    expiries: int
    lease: str | None


@dataclass(frozen=True)
class Picture:
    """Everything but the clock."""

    partitions: dict[Lane, StoredPartition]
    cursors: dict[tuple[str, str, str], StoredCursor]  # by queue, partition, group
    dead: dict[str, tuple[DeadLetter, ...]]  # by queue

    def difference(self, other: "Picture") -> list[str]:
        """What the two do not agree on, one line each."""
        lines: list[str] = []
        for name in ("partitions", "cursors", "dead"):
            mine, theirs = getattr(self, name), getattr(other, name)
            for key in sorted(mine.keys() | theirs.keys()):
                if mine.get(key) != theirs.get(key):
                    lines.append(f"{name} {key}: stored {mine.get(key)}, must be {theirs.get(key)}")
        return lines


async def stored(connection: asyncpg.Connection, queues: Sequence[str]) -> tuple[Picture, datetime]:
    """What the database holds of these queues, and its clock, taken after the rest."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        messages = await connection.fetch(_MESSAGES, queues)
        cursors = await connection.fetch(_CURSORS, queues)
        dead = await connection.fetch(_DEAD_LETTERS, queues)
        clock: datetime = await connection.fetchval("select clock_timestamp()")
    return Picture(_partitions(messages), _cursors(cursors), _dead(dead)), clock


def _partitions(rows: Sequence[asyncpg.Record]) -> dict[Lane, StoredPartition]:
    lanes: dict[Lane, StoredPartition] = {}
    for queue, partition, uuid, head, tail, position, transaction_id, message_id in rows:
        lane = lanes.setdefault((queue, partition), StoredPartition(uuid, head - tail, ()))
        if position is not None:
            messages = (*lane.messages, (position, transaction_id, message_id))
            lanes[queue, partition] = StoredPartition(lane.uuid, lane.head, messages)
    return lanes


def _cursors(rows: Sequence[asyncpg.Record]) -> dict[tuple[str, str, str], StoredCursor]:
    return {
        (queue, partition, group): StoredCursor(
            position, ((attempts_position, attempts),) if attempts else (), expired, lease
        )
        for queue, partition, group, position, attempts_position, attempts, expired, lease in rows
    }


def _dead(rows: Sequence[asyncpg.Record]) -> dict[str, tuple[DeadLetter, ...]]:
    letters: dict[str, tuple[DeadLetter, ...]] = {}
    for queue, *letter in rows:
        letters[queue] = (*letters.get(queue, ()), DeadLetter(*letter))
    return letters


def expected(model: Model) -> Picture:
    """What the database must hold."""
    partitions = {
        (each.queue, each.name): StoredPartition(
            each.uuid,
            len(each.messages),
            tuple(
                (position, message.transaction_id, message.id)
                for position, message in enumerate(each.messages, start=1)
            ),
        )
        for each in model.partitions()
    }
    cursors = {
        (each.queue, each.name, group): StoredCursor(
            cursor.rule.position,
            tuple(cursor.rule.attempts.items()),
            cursor.rule.expiries,
            None if cursor.lease is None else cursor.lease.id,
        )
        for each in model.partitions()
        for group, cursor in each.cursors.items()
    }
    dead = {name: tuple(queue.dead) for name, queue in model.queues.items() if queue.dead}
    return Picture(partitions, cursors, dead)
