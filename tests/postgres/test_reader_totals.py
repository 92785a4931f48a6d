"""Whatever happens to a queue: every number that is read equals a count of the rows, one by one."""

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queen.core.looking import PopRequest
from queen.core.reading import Counts, MessageFilter, Page, Scope, Window
from queen.core.store import QUEUE_MODE_GROUP, AckItem, PartitionName, QueueOptions
from queen.postgres.reader import PostgresReader
from queen.settings import PushStrategy
from tests.messages import new_message

from .conftest import Queue, soon
from .delivered import messages
from .reading_truth import Truth, truth_of

STATUSES = ("pending", "processing", "completed", "dead_letter")
EVERYTHING = Page(limit=1000, offset=0)
PARTITIONS = ("p", "q", "r")
GROUPS = (QUEUE_MODE_GROUP, "a", "b")

partitions, groups = st.sampled_from(PARTITIONS), st.sampled_from(GROUPS)
acks = st.sampled_from(["completed", "completed", "failed", "retry", "dlq"])
STEPS = st.one_of(
    st.tuples(st.just("push"), partitions, st.integers(1, 4)),
    st.tuples(st.just("pop"), groups, st.integers(1, 4)),
    st.tuples(st.just("ack"), groups, st.lists(acks, min_size=1, max_size=3)),
    st.tuples(st.just("expire"), groups),
    st.tuples(st.just("trim"), partitions, st.integers(1, 3)),
    st.tuples(st.just("rewind"), groups),
    st.tuples(st.just("forget"), groups),
)
serial = iter(range(1_000_000))


class Course:
    """What happens to one queue."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.name = f"course-{next(serial)}"
        self._pushed = 0
        self._taken: dict[str, list[tuple[UUID, str, str]]] = {}  # by group: partition, message, lease

    async def push(self, partition: str, count: int) -> None:
        numbers = range(self._pushed, self._pushed + count)
        items = [new_message(PartitionName(self.name, partition), "1", str(number)) for number in numbers]
        self._pushed += count
        await self.queue.pushers[PushStrategy.BATCH].push(items, soon())

    async def pop(self, group: str, batch: int) -> None:
        delivery = await self.queue.pop(PopRequest(self.name, None, group=group, batch=batch, partitions=2))
        if delivery is not None:
            self._taken[group] = [
                (message.partition_id, message.transaction_id, str(delivery.lease_id))
                for message in messages(delivery)
            ]

    async def ack(self, group: str, statuses: list[str]) -> None:
        taken = zip(self._taken.get(group, ()), statuses, strict=False)
        items = [AckItem(place, message, status, lease) for (place, message, lease), status in taken]
        await self.queue.ack(group, items)

    async def expire(self, group: str) -> None:
        """Let the group's leases run out: time moved in the table, not the clock."""
        await self.queue.sql(
            "update queen.cursors c set lease_expires_at = now() - interval '1 s',"
            " available_at = now() - interval '1 s' from queen.consumer_groups g"
            " where g.id = c.group_id and g.queue_name = $1 and g.name = $2 and c.lease_id is not null",
            self.name,
            group,
        )

    async def trim(self, partition: str, count: int) -> None:
        """Delete the oldest messages, as retention does."""
        await self.queue.sql(
            "with moved as (update queen.partitions p set tail = least(p.head, p.tail + $3)"
            " from queen.queues q where q.id = p.queue_id and q.name = $1 and p.name = $2"
            " returning p.id, p.tail)"
            " delete from queen.messages m using moved"
            " where m.partition_id = moved.id and m.position <= moved.tail",
            self.name,
            partition,
            count,
        )

    async def rewind(self, group: str) -> None:
        """Back to the beginning: dead letters lie ahead again."""
        [(beginning,)] = await self.queue.sql("select timestamptz '1970-01-01'")
        await self.queue.store.seek(self.name, group, None, beginning, soon())  # type: ignore[arg-type]

    async def forget(self, group: str) -> None:
        await self.queue.store.delete_group(group, self.name, False, soon())


@pytest.fixture
def reader(queue: Queue) -> PostgresReader:
    return PostgresReader(queue.pool)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=6, max_size=20))
async def test_every_number_is_that_of_the_rows(
    queue: Queue, reader: PostgresReader, steps: list[tuple[str, ...]]
) -> None:
    course = Course(queue)
    await queue.store.configure(course.name, course.name, "t", QueueOptions(retry_limit=1), soon())
    for step, *arguments in [("push", "p", 3), ("push", "q", 3), *steps]:
        await getattr(course, str(step))(*arguments)
        truth = await truth_of(queue, course.name)
        await partitions_and_totals_are_right(reader, course.name, truth)
    await groups_are_right(reader, course.name, truth)
    await messages_are_right(reader, course.name, truth)


async def partitions_and_totals_are_right(reader: PostgresReader, name: str, truth: Truth) -> None:
    expected = {partition: truth.counts(partition) for partition in truth.messages}
    detail = await reader.queue(name, soon())
    assert detail is not None
    assert {partition.name: partition.counts for partition in detail.partitions} == expected
    for partition in detail.partitions:
        times = [message.created_at for message in truth.messages[partition.name]]
        assert (partition.oldest, partition.newest) == (min(times, default=None), max(times, default=None))

    total = Counts(
        *(sum(getattr(each, key) for each in expected.values()) for key in Counts.__struct_fields__)
    )
    [summary] = (await reader.queues(Scope(namespace=name), EVERYTHING, soon())).items
    assert (summary.partitions, summary.total) == (len(expected), total.total)
    assert (summary.pending, summary.processing) == (total.pending, total.processing)

    [status] = (await reader.status(Scope(queue=name), Window(), 10, soon())).queues
    assert (status.partitions, status.counts) == (len(expected), total)
    assert status.partitions_with_dead_letters == len({where for where, _, _ in truth.dead})
    leased = [
        (partition, cursor.group)
        for partition, cursors in truth.cursors.items()
        for cursor in cursors
        if cursor.lease_end is not None
    ]
    assert status.leased_partitions == len({partition for partition, _ in leased})
    assert len({group for _, group in leased}) <= status.leases <= len(leased)


async def groups_are_right(reader: PostgresReader, name: str, truth: Truth) -> None:
    reading = {cursor.group for cursors in truth.cursors.values() for cursor in cursors}
    listed = [group for group in (await reader.groups(Page(10_000, 0), soon())).items if group.queue == name]
    assert [group.name for group in listed] == sorted(reading)
    for summary in listed:
        unread = {partition: truth.unread(partition, summary.name) for partition in truth.messages}
        behind = {partition: count for partition, count in unread.items() if count}
        assert (summary.unread, summary.partitions_behind) == (sum(unread.values()), len(behind))
        depth = await reader.depth(name, summary.name, 1000, soon())
        assert depth is not None
        assert (depth.unread, depth.partitions_behind) == (sum(unread.values()), len(behind))
        assert dict(depth.partitions) == behind
        parts = (await reader.group(summary.name, soon()))[name]
        assert {part.partition: part.unread for part in parts} == unread
    stranger = await reader.depth(name, "stranger", 1000, soon())
    assert stranger is not None
    assert stranger.unread == sum(map(len, truth.messages.values()))


async def messages_are_right(reader: PostgresReader, name: str, truth: Truth) -> None:
    async def listed(status: str | None, page: Page) -> tuple[list[str], int]:
        wanted = MessageFilter(Scope(queue=name), None, status, Window())
        found = (await reader.messages(wanted, page, soon())).messages
        assert {message.status for message in found.items} <= ({status} if status else set(STATUSES))
        return [message.transaction_id for message in found.items], found.total

    everything = [message.transaction_id for message in truth.newest_first()]
    assert await listed(None, EVERYTHING) == (everything, len(everything))
    status = {message.transaction_id: truth.status(message) for message in truth.newest_first()}
    for wanted in STATUSES:
        expected = [each for each in everything if status[each] == wanted]
        assert await listed(wanted, EVERYTHING) == (expected, len(expected))
        for offset in range(0, len(expected) + 1, 2):
            page = Page(limit=2, offset=offset)
            assert await listed(wanted, page) == (expected[offset : offset + 2], len(expected))
