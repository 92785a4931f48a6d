"""What the database holds of one queue: read in SQL, in one snapshot."""

from dataclasses import dataclass

from queen.local.database import Database
from tests.databases import connected

MESSAGES = """
    select p.name, m.position, m.transaction_id
    from queen.messages m join queen.partitions p on p.id = m.partition_id
    join queen.queues q on q.id = p.queue_id
    where q.name = $1 order by p.name, m.position
"""
HEADS = """
    select p.name, p.head from queen.partitions p join queen.queues q on q.id = p.queue_id
    where q.name = $1
"""
CURSORS = """
    select g.name, p.name, c.position, c.consumed
    from queen.cursors c join queen.partitions p on p.id = c.partition_id
    join queen.queues q on q.id = p.queue_id join queen.consumer_groups g on g.id = c.group_id
    where q.name = $1
"""


@dataclass(frozen=True)
class Stored:
    """One row of queen.messages."""

    partition: str
    position: int
    transaction_id: str


@dataclass(frozen=True)
class Cursor:
    """How far a group has come on a partition, and how many messages it has committed."""

    group: str
    partition: str
    position: int
    consumed: int


@dataclass(frozen=True)
class Table:
    """One queue. `heads` has the last position given out, by partition."""

    messages: tuple[Stored, ...]
    heads: dict[str, int]
    cursors: tuple[Cursor, ...]

    def drained(self, groups: frozenset[str]) -> bool:
        """Whether each of the groups has committed everything."""
        at_head = {
            (cursor.group, cursor.partition)
            for cursor in self.cursors
            if cursor.position == self.heads[cursor.partition]
        }
        return all((group, partition) in at_head for group in groups for partition in self.heads)


async def read_table(database: Database, queue: str) -> Table:
    """Everything that the database holds of a queue."""
    async with (
        connected(database) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        messages = await connection.fetch(MESSAGES, queue)
        heads = await connection.fetch(HEADS, queue)
        cursors = await connection.fetch(CURSORS, queue)
    return Table(
        messages=tuple(Stored(*row) for row in messages),
        heads={row[0]: row[1] for row in heads},
        cursors=tuple(Cursor(*row) for row in cursors),
    )
