"""Retention against everything else at the same time, and against a model: nothing goes that should stay."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queen.core.expiry import Expiry
from queen.core.looking import PopRequest
from queen.core.store import AckItem, PartitionName, QueueOptions
from queen.settings import PushStrategy
from tests.messages import new_message
from tests.waiting import until

from .conftest import Queue, soon
from .delivered import messages

serial = count(1)
TIMES = st.sampled_from([0, 10, 20, 30, 40])  # s; the ages in between are 5, 15, …


async def push(queue: Queue, name: str, *names: str, partition: str = "p") -> None:
    items = [new_message(PartitionName(name, partition), "1", each) for each in names]
    await queue.pushers[PushStrategy.BATCH].push(items, soon())


async def sweep(queue: Queue, expiry: Expiry, most: int = 1000) -> int:
    """All steps of one sweep, without pauses; how many messages it deleted."""
    deleted, reached = 0, 0
    while True:
        step = await queue.store.delete_prefixes(expiry, reached, most, soon())
        deleted += step.deleted
        if step.reached is None:
            return deleted
        reached = step.reached


class Lane:
    """The model of a partition: messages by age, groups by position."""

    def __init__(self, ages: list[int], groups: list[int]) -> None:
        self.ages = sorted(ages, reverse=True)  # s, in order of position
        self.groups = groups
        self.tail = 0

    def older(self, seconds: int) -> int:
        """Position of the last message older than that."""
        return sum(age > seconds for age in self.ages)

    def last(self, expiry: Expiry, options: QueueOptions) -> Iterator[int]:
        """Positions up to which something has to go."""
        done = min(self.groups, default=0)
        if expiry is Expiry.EVICTION:
            old = self.older(options.max_wait_time_seconds)
            if options.max_wait_time_seconds and (not self.groups or done < old):
                yield old
        elif options.retention_enabled:
            if options.retention_seconds:
                yield self.older(options.retention_seconds)
            if options.completed_retention_seconds:
                yield min(self.older(options.completed_retention_seconds), done)

    def sweep(self, expiry: Expiry, options: QueueOptions) -> None:
        self.tail = max(self.tail, *self.last(expiry, options), 0)


OPTIONS = st.builds(
    QueueOptions,
    retention_seconds=TIMES,
    completed_retention_seconds=TIMES,
    retention_enabled=st.booleans(),
    max_wait_time_seconds=TIMES,
)
AGES = st.lists(st.sampled_from([5, 15, 25, 35, 45]), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    options=OPTIONS,
    lanes=st.lists(AGES, min_size=1, max_size=4),
    groups=st.integers(0, 2),
    moves=st.lists(st.tuples(st.sampled_from(Expiry), st.lists(st.integers(0, 8), min_size=8)), max_size=4),
    most=st.integers(1, 9),
)
async def test_what_goes_is_what_the_model_says(
    queue: Queue,
    options: QueueOptions,
    lanes: list[list[int]],
    groups: int,
    moves: list[tuple[Expiry, list[int]]],
    most: int,
) -> None:
    name = f"q{next(serial)}"
    await queue.store.configure(name, "", "", options, soon())
    model = {f"p{number}": Lane(ages, [0] * groups) for number, ages in enumerate(lanes) if ages}
    for partition, lane in model.items():
        await push(queue, name, *map(str, range(len(lane.ages))), partition=partition)
        await queue.sql(
            "update queen.messages m"
            " set created_at = clock_timestamp() - make_interval(secs => ($1::int[])[position])"
            " from queen.partitions p join queen.queues q on q.id = p.queue_id"
            " where m.partition_id = p.id and q.name = $2 and p.name = $3",
            lane.ages,
            name,
            partition,
        )
    for group in range(groups):
        await queue.store.register_group(name, f"g{group}", "all", None, soon())
    for expiry, positions in moves:
        for partition, lane in model.items():
            for group in range(groups):
                lane.groups[group] = min(len(lane.ages), max(lane.tail, positions[group]))
                await queue.sql(
                    "update queen.cursors c set position = $1"
                    " from queen.consumer_groups g, queen.partitions p"
                    " where g.id = c.group_id and g.queue_name = $2 and g.name = $3"
                    " and p.id = c.partition_id and p.name = $4",
                    lane.groups[group],
                    name,
                    f"g{group}",
                    partition,
                )
            lane.sweep(expiry, options)
        await sweep(queue, expiry, most)
        left = await queue.sql(
            "select p.name, p.tail, min(m.position), count(m.*) from queen.queues q"
            " join queen.partitions p on p.queue_id = q.id"
            " left join queen.messages m on m.partition_id = p.id"
            " where q.name = $1 and p.name <> 'Default' group by p.id order by p.name",
            name,
        )
        assert left == [
            (partition, lane.tail, lane.tail + 1 if kept else None, kept)
            for partition, lane in sorted(model.items())
            for kept in [len(lane.ages) - lane.tail]
        ]


async def test_completed_retention_under_load_loses_and_reorders_nothing(queue: Queue) -> None:
    """In real time, with messages that live for a second after every group has had them."""
    options = QueueOptions(retention_enabled=True, completed_retention_seconds=1)
    await queue.store.configure("orders", "", "", options, soon())
    pushed = {"p": 0, "q": 0}
    seen: dict[tuple[str, str], list[str]] = {(group, lane): [] for group in "ab" for lane in pushed}
    for group in "ab":
        await queue.store.register_group("orders", group, "all", None, soon())
    loop = asyncio.get_running_loop()
    end_s = loop.time() + 3
    produced, drained = asyncio.Event(), asyncio.Event()

    async def produce(partition: str) -> None:
        while loop.time() < end_s:
            names = [str(pushed[partition] + number) for number in range(5)]
            await push(queue, "orders", *names, partition=partition)
            pushed[partition] += 5

    async def consume(group: str, auto_ack: bool) -> None:
        request = PopRequest(
            "orders", None, group=group, batch=20, partitions=2, auto_ack=auto_ack, wait_ms=100
        )
        while not produced.is_set() or any(len(seen[group, lane]) < pushed[lane] for lane in pushed):
            delivery = await queue.pop(request)
            got = messages(delivery)
            for message in got:
                seen[group, message.partition].append(message.transaction_id)
            if delivery and delivery.lease_id:
                lease = str(delivery.lease_id)
                items = [AckItem(each.partition_id, each.transaction_id, "completed", lease) for each in got]
                assert all(acked.success for acked in await queue.ack(group, items))

    async def expire() -> int:
        deleted = 0
        while not drained.is_set() or deleted < sum(pushed.values()):
            deleted += await sweep(queue, Expiry.RETENTION, most=50)
        return deleted

    async with asyncio.timeout(40):
        expiring = asyncio.create_task(expire())
        consuming = [asyncio.create_task(consume("a", True)), asyncio.create_task(consume("b", False))]
        await asyncio.gather(*(produce(lane) for lane in pushed))
        produced.set()
        await asyncio.gather(*consuming)
        at_end = sum(pushed.values()) - await stored(queue)
        drained.set()
        assert await expiring == sum(pushed.values()), "a second later all of them are gone"
    assert at_end > 0, "there was something to delete while it ran"
    assert seen == {(group, lane): [str(n) for n in range(pushed[lane])] for group, lane in seen}


async def stored(queue: Queue) -> int:
    [(messages,)] = await queue.sql("select count(*) from queen.messages")
    return int(str(messages))


async def test_a_seek_back_keeps_what_it_comes_before(queue: Queue) -> None:
    """What a sweep deletes is judged under the partition's lock: where the group is now, not where it was."""
    options = QueueOptions(retention_enabled=True, completed_retention_seconds=60)
    await queue.store.configure("orders", "", "", options, soon())
    await queue.store.register_group("orders", "g", "all", None, soon())
    deleted, kept = 0, 0
    for number in range(60):
        await push(queue, "orders", *(f"{number}-{each}" for each in range(4)))
        await queue.sql("update queen.messages set created_at = created_at - interval '61 s'")
        [(start,)] = await queue.sql("select min(created_at) - interval '1 s' from queen.messages")
        await queue.store.seek("orders", "g", None, None, soon())
        moved, gone = await asyncio.gather(
            queue.store.seek("orders", "g", "p", start, soon()),  # type: ignore[arg-type]
            sweep(queue, Expiry.RETENTION),
        )
        assert await sweep(queue, Expiry.RETENTION) == 0
        [(tail, head)] = await queue.sql("select tail, head from queen.partitions where name = 'p'")
        assert moved["p"] == tail
        assert await stored(queue) == int(str(head)) - int(str(tail))
        deleted += gone
        kept += gone == 0
    assert deleted > 0, "now the sweep came first,"
    assert kept > 0, "now the seek"


# Whoever has set test.waits waits between reading partitions and queues and whatever it does next.
GATE = """
create function queen.passes_gate() returns boolean language plpgsql volatile as $$ begin
    if current_setting('test.waits', true) = 'on' then
        perform pg_advisory_lock(1), pg_advisory_unlock(1);
    end if;
    return true;
end $$;
alter table queen.queues rename to all_queues;
create view queen.queues as select * from queen.all_queues where queen.passes_gate();
"""
POP = """
select (messages || closing)::json ->> 'transactionId'
from queen.pop($1, 'g', $2, 3, 1, gen_random_uuid(), true)
"""


@pytest.mark.parametrize("delay_s", [0, 30])
async def test_a_pop_whose_batch_is_deleted_under_it_takes_what_is_left(queue: Queue, delay_s: int) -> None:
    await queue.store.configure("orders", "", "", QueueOptions(delayed_processing=delay_s), soon())
    group = await queue.store.register_group("orders", "g", "all", None, soon())
    await push(queue, "orders", "a", "b", "c", "left")
    await queue.sql("update queen.messages set created_at = created_at - interval '61 s'")
    await queue.sql("update queen.cursors set available_at = now()")
    [(partition,)] = await queue.sql("select id from queen.partitions where name = 'p'")
    async with queue.pool.connection(soon()) as popper, queue.pool.connection(soon()) as keeper:
        await popper.execute(GATE)
        await popper.execute("set test.waits = on")
        await keeper.execute("select pg_advisory_lock(1)")
        popping = asyncio.create_task(popper.fetch(POP, group, partition))
        await until(lambda: queue.sql("select from pg_locks where locktype = 'advisory' and not granted"))
        await keeper.execute("delete from queen.messages where position <= 3")
        await keeper.execute("update queen.partitions set tail = 3 where name = 'p'")
        await keeper.execute("select pg_advisory_unlock(1)")
        assert [row[0] for row in await popping] == ["left"]
        await popper.execute("reset test.waits")
    assert await queue.sql("select lease_end from queen.cursors where lease_id is not null") == [(4,)]
