"""The numbers of a queue by brute force: every message looked at, one by one, to hold the reader against."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from queen.core.reading import Counts
from queen.core.store import QUEUE_MODE_GROUP

from .conftest import Queue


@dataclass(frozen=True)
class Message:
    """One row of the table."""

    partition: str
    position: int
    transaction_id: str
    created_at: datetime


@dataclass(frozen=True)
class Cursor:
    """A group in a partition; `lease_end` None: no lease lives."""

    group: str
    group_id: int
    position: int
    lease_end: int | None

    def status(self, message: Message) -> str:
        """What the message is to the group."""
        if message.position <= self.position:
            return "completed"
        return "processing" if message.position <= (self.lease_end or 0) else "pending"


@dataclass
class Truth:
    """All rows of one queue."""

    messages: dict[str, list[Message]] = field(default_factory=dict)  # by partition
    cursors: dict[str, list[Cursor]] = field(default_factory=dict)  # by partition
    dead: Counter[tuple[str, str, int]] = field(default_factory=Counter)  # partition, group, position

    def reference(self, partition: str) -> Cursor:
        """Queue mode, or the group that lags most, or nobody."""
        cursors = self.cursors[partition]
        for cursor in cursors:
            if cursor.group == QUEUE_MODE_GROUP:
                return cursor

        def lag(cursor: Cursor) -> tuple[int, int, int]:
            found = Counter(map(cursor.status, self.messages[partition]))
            return found["completed"], found["processing"], cursor.group_id

        return min(cursors, key=lag, default=Cursor("nobody", 0, 0, None))

    def counts(self, partition: str) -> Counts:
        """The five numbers of a partition."""
        reference = self.reference(partition)
        found: Counter[str] = Counter()
        for message in self.messages[partition]:
            gone = self.dead[partition, reference.group, message.position] > 0
            status = reference.status(message)
            found["dead" if gone and status == "completed" else status] += 1
        return Counts(
            total=len(self.messages[partition]),
            pending=found["pending"],
            processing=found["processing"],
            completed=found["completed"],
            dead_letter=sum(count for (where, _, _), count in self.dead.items() if where == partition),
        )

    def status(self, message: Message) -> str:
        """The status of a message in a list."""
        for where, _, position in self.dead:
            if (where, position) == (message.partition, message.position):
                return "dead_letter"
        return self.reference(message.partition).status(message)

    def unread(self, partition: str, group: str) -> int:
        """What the group has still to consume."""
        [position] = [cursor.position for cursor in self.cursors[partition] if cursor.group == group] or [0]
        return sum(message.position > position for message in self.messages[partition])

    def newest_first(self) -> list[Message]:
        """All messages; those of one instant and partition by position."""
        return sorted(self._all(), key=lambda message: (message.created_at, message.position), reverse=True)

    def _all(self) -> Iterator[Message]:
        for messages in self.messages.values():
            yield from messages


async def truth_of(queue: Queue, name: str) -> Truth:
    """Read all rows of a queue."""
    truth = Truth()
    for (partition,) in await queue.sql(
        "select p.name from queen.partitions p join queen.queues q on q.id = p.queue_id where q.name = $1",
        name,
    ):
        truth.messages[str(partition)], truth.cursors[str(partition)] = [], []
    for row in await queue.sql(_MESSAGES, name):
        message = Message(*row)  # type: ignore[arg-type]
        truth.messages[message.partition].append(message)
    for row in await queue.sql(_CURSORS, name):
        truth.cursors[str(row[0])].append(Cursor(*row[1:]))  # type: ignore[arg-type]
    for row in await queue.sql(_DEAD, name):
        truth.dead[row] += 1  # type: ignore[index]
    return truth


_MESSAGES = """
select p.name, m.position, m.transaction_id, m.created_at
from queen.messages m join queen.partitions p on p.id = m.partition_id
join queen.queues q on q.id = p.queue_id
where q.name = $1
"""
_CURSORS = """
select p.name, g.name, g.id, c.position, case when c.lease_expires_at > now() then c.lease_end end
from queen.cursors c join queen.partitions p on p.id = c.partition_id
join queen.queues q on q.id = p.queue_id join queen.consumer_groups g on g.id = c.group_id
where q.name = $1 and g.active
"""
_DEAD = """
select p.name, d.consumer_group, d.position
from queen.dead_letters d join queen.partitions p on p.id = d.partition_id
join queen.queues q on q.id = p.queue_id
where q.name = $1
"""
