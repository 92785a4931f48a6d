"""Retention and eviction: what has to go goes, as prefixes, and nothing else changes - on a real table."""

import asyncio
from datetime import timedelta

import pytest

from queen.core.expiry import Expiry
from queen.core.looking import PopRequest
from queen.core.store import AckItem, PartitionName, QueueOptions
from queen.jobs.expiring import Expiring
from queen.settings import PushStrategy
from tests.messages import new_message

from .conftest import Queue, soon
from .delivered import messages
from .orders import names

RETAIN = QueueOptions(retention_enabled=True, retention_seconds=60)
RETAIN_COMPLETED = QueueOptions(retention_enabled=True, completed_retention_seconds=60)
EVICT = QueueOptions(max_wait_time_seconds=60)
STORED = """
select p.name || m.position from queen.messages m join queen.partitions p on p.id = m.partition_id
order by p.name, m.position
"""


async def configure(queue: Queue, options: QueueOptions, name: str = "orders") -> None:
    await queue.store.configure(name, "", "", options, soon())


async def push(queue: Queue, count: int, partition: str = "p", to: str = "orders") -> None:
    items = [new_message(PartitionName(to, partition), "1") for _ in range(count)]
    await queue.pushers[PushStrategy.BATCH].push(items, soon())


async def age(queue: Queue, seconds: float, partition: str = "p", upto: int = 2**31) -> None:
    """Make the messages of a partition older; up to a position, so that created_at still never decreases."""
    await queue.sql(
        "update queen.messages m set created_at = m.created_at - $1::interval from queen.partitions p"
        " where p.id = m.partition_id and p.name = $2 and m.position <= $3",
        timedelta(seconds=seconds),
        partition,
        upto,
    )


async def take(queue: Queue, batch: int, group: str = "g", partition: str = "p") -> int:
    """Pop with auto-ack; how many came."""
    request = PopRequest("orders", partition, group=group, batch=batch, auto_ack=True)
    return len(names(await queue.pop(request)))


def job(queue: Queue, expiry: Expiry, batch: int = 1000) -> Expiring:
    return Expiring(queue.store, expiry, interval_ms=1000, batch=batch, timeout_ms=20_000)


async def sweep(queue: Queue, expiry: Expiry, batch: int = 1000) -> int:
    """One run of the job; how many messages it deleted."""
    sweeping = job(queue, expiry, batch)
    await sweeping.run()
    return sweeping.deleted


async def stored(queue: Queue) -> list[str]:
    return [str(name) for (name,) in await queue.sql(STORED)]


async def test_retention_deletes_what_is_older_consumed_or_not(queue: Queue) -> None:
    await configure(queue, RETAIN)
    await push(queue, 5)
    assert await take(queue, 1) == 1
    await age(queue, 61, upto=3)
    assert await sweep(queue, Expiry.RETENTION) == 3
    assert await stored(queue) == ["p4", "p5"]
    assert await queue.sql("select head, tail from queen.partitions where name = 'p'") == [(5, 3)]
    assert await take(queue, 10) == 2
    await push(queue, 1)
    assert await take(queue, 10) == 1


@pytest.mark.parametrize(
    "options",
    [
        QueueOptions(retention_seconds=1, completed_retention_seconds=1),
        QueueOptions(retention_enabled=True),
        QueueOptions(),
    ],
    ids=["not enabled", "no time", "default"],
)
async def test_who_does_not_ask_for_it_keeps_everything(queue: Queue, options: QueueOptions) -> None:
    await configure(queue, options)
    await push(queue, 3)
    assert await take(queue, 10) == 3
    await age(queue, 10**6)
    assert [await sweep(queue, expiry) for expiry in Expiry] == [0, 0]


async def test_completed_retention_waits_for_the_slowest_group(queue: Queue) -> None:
    await configure(queue, RETAIN_COMPLETED)
    await push(queue, 5)
    await age(queue, 61, upto=4)
    assert await sweep(queue, Expiry.RETENTION) == 0, "without a group nothing is completed"
    await queue.store.register_group("orders", "slow", "all", None, soon())
    assert await take(queue, 5, "fast") == 5
    assert await sweep(queue, Expiry.RETENTION) == 0
    assert await take(queue, 2, "slow") == 2
    assert await sweep(queue, Expiry.RETENTION) == 2
    assert await take(queue, 10, "slow") == 3
    assert await sweep(queue, Expiry.RETENTION) == 2, "the fifth is not old enough"
    assert await stored(queue) == ["p5"]


async def test_a_deleted_group_holds_nothing_back(queue: Queue) -> None:
    await configure(queue, RETAIN_COMPLETED)
    await push(queue, 3)
    await age(queue, 61)
    assert await take(queue, 3, "fast") == 3
    await queue.store.register_group("orders", "gone", "all", None, soon())
    assert await sweep(queue, Expiry.RETENTION) == 0
    await queue.store.delete_group("gone", "orders", False, soon())
    assert await sweep(queue, Expiry.RETENTION) == 3


async def test_eviction_deletes_what_somebody_still_waits_for(queue: Queue) -> None:
    await configure(queue, EVICT)
    await push(queue, 4, "unread")
    await push(queue, 4, "half")
    await push(queue, 4, "read")
    await take(queue, 4, "g", "read")
    await take(queue, 2, "g", "half")
    for partition in ("half", "read"):
        await age(queue, 61, partition, upto=3)
    assert await sweep(queue, Expiry.EVICTION) == 3
    assert await stored(queue) == [
        "half4",
        "read1",
        "read2",
        "read3",
        "read4",
        *(f"unread{n}" for n in range(1, 5)),
    ]


async def test_eviction_needs_no_group(queue: Queue) -> None:
    await configure(queue, EVICT)
    await push(queue, 3)
    await age(queue, 61, upto=2)
    assert await sweep(queue, Expiry.EVICTION) == 2


async def test_one_second_is_a_second(queue: Queue) -> None:
    await configure(queue, QueueOptions(retention_enabled=True, retention_seconds=1))
    await configure(queue, QueueOptions(max_wait_time_seconds=1), "mails")
    started_s = asyncio.get_running_loop().time()
    await push(queue, 3)
    await push(queue, 4, to="mails")
    deleted = {Expiry.RETENTION: 0, Expiry.EVICTION: 0}
    async with asyncio.timeout(20):
        while deleted != {Expiry.RETENTION: 3, Expiry.EVICTION: 4}:
            for expiry in Expiry:
                deleted[expiry] += await sweep(queue, expiry)
    assert asyncio.get_running_loop().time() - started_s >= 1


async def test_a_dead_letter_stays(queue: Queue) -> None:
    await configure(queue, RETAIN)
    await push(queue, 1)
    delivery = await queue.pop(PopRequest("orders", "p", group="g"))
    assert delivery is not None
    message = messages(delivery)[0]
    item = AckItem(message.partition_id, message.transaction_id, "dlq", str(delivery.lease_id), "bad")
    await queue.ack("g", [item])
    await age(queue, 61)
    assert await sweep(queue, Expiry.RETENTION) == 1
    assert await queue.sql("select payload::text, error from queen.dead_letters") == [("1", "bad")]


async def test_a_lease_over_deleted_messages_still_ends(queue: Queue) -> None:
    """By reaching its end when that is still there, else by running out."""
    await configure(queue, RETAIN)
    await push(queue, 4)
    leased = await queue.pop(PopRequest("orders", "p", group="g", batch=3))
    whole = await queue.pop(PopRequest("orders", "p", group="h", batch=2))
    assert leased is not None and whole is not None
    await age(queue, 61, upto=2)
    assert await sweep(queue, Expiry.RETENTION) == 2
    acks = [
        AckItem(m.partition_id, m.transaction_id, "completed", str(leased.lease_id)) for m in messages(leased)
    ]
    first, second, third = await queue.ack("g", acks)
    assert [first.success, second.success, third.success] == [False, False, True]
    assert "unresolved" in str(first.error)
    assert third.released
    assert await take(queue, 10, "g") == 1

    assert await take(queue, 10, "h") == 0, "its lease lives"
    await queue.sql("update queen.cursors set lease_expires_at = now(), available_at = now()")
    again = await queue.pop(PopRequest("orders", "p", group="h", batch=10))
    assert again is not None
    assert len(messages(again)) == 2


async def test_a_key_is_free_again_when_its_message_is_gone(queue: Queue) -> None:
    await configure(queue, RETAIN)
    item = new_message(PartitionName("orders", "p"), "1", "same")
    pusher = queue.pushers[PushStrategy.BATCH]
    await pusher.push([item], soon())
    await age(queue, 61)
    assert await sweep(queue, Expiry.RETENTION) == 1
    assert not (await pusher.push([item], soon())).duplicates


async def test_a_group_starts_and_seeks_behind_the_tail(queue: Queue) -> None:
    await configure(queue, RETAIN)
    await push(queue, 5)
    await take(queue, 5, "old")
    await age(queue, 61, upto=3)
    await sweep(queue, Expiry.RETENTION)
    assert await take(queue, 10, "new") == 2
    [(oldest,)] = await queue.sql("select min(created_at) - interval '1 h' from queen.messages")
    moved = await queue.store.seek("orders", "old", None, oldest, soon())  # type: ignore[arg-type]
    assert moved["p"] == 3
    assert await take(queue, 10, "old") == 2


async def test_emptied_partitions_are_parked(queue: Queue) -> None:
    """A pop need not find out, one by one, that thousands of partitions have nothing any more."""
    await configure(queue, RETAIN)
    for number in range(20):
        await push(queue, 1, f"p{number}")
        await age(queue, 61, f"p{number}")
    await queue.store.register_group("orders", "g", "all", None, soon())
    await take(queue, 1, "g", "p0")
    leased = await queue.pop(PopRequest("orders", "p1", group="g"))
    assert leased is not None
    assert await sweep(queue, Expiry.RETENTION) == 20
    ready = "select count(*) from queen.cursors where available_at <> 'infinity'"
    assert await queue.sql(ready) == [(1,)], "but for the one that is leased"
    await push(queue, 1, "p7")
    assert len(names(await queue.pop(PopRequest("orders", None, group="g")))) == 1


async def test_a_sweep_goes_on_where_a_step_was_full(queue: Queue) -> None:
    await configure(queue, RETAIN)
    for partition in "abc":
        await push(queue, 7, partition)
        await age(queue, 61, partition)
    sizes = []
    step = await queue.store.delete_prefixes(Expiry.RETENTION, 0, 5, soon())
    while step.reached is not None:
        sizes.append(step.deleted)
        step = await queue.store.delete_prefixes(Expiry.RETENTION, step.reached, 5, soon())
    assert [*sizes, step.deleted] == [5, 5, 5, 5, 1]
    assert await stored(queue) == []


async def test_more_partitions_than_a_step_looks_at_or_holds(queue: Queue) -> None:
    await configure(queue, RETAIN)
    partitions = 1100
    items = [new_message(PartitionName("orders", f"p{number}"), "1") for number in range(partitions)]
    await queue.pushers[PushStrategy.BATCH].push(items, soon())
    await queue.sql("update queen.messages set created_at = created_at - interval '61 s'")
    assert await sweep(queue, Expiry.RETENTION) == partitions
    assert await queue.sql("select count(*) from queen.partitions where head <> tail") == [(0,)]


async def test_one_works_at_a_time(queue: Queue) -> None:
    await configure(queue, RETAIN)
    await push(queue, 3)
    await age(queue, 61)
    async with queue.pool.connection(soon()) as connection, connection.transaction():
        await connection.fetch("select queen.delete_prefixes('retention', 0, 1)")
        other = await queue.store.delete_prefixes(Expiry.RETENTION, 0, 1000, soon())
        assert (other.deleted, other.reached) == (0, None)
    assert await sweep(queue, Expiry.RETENTION) == 2


async def test_two_jobs_at_once_delete_each_message_once(queue: Queue) -> None:
    await configure(queue, RETAIN)
    for partition in "abcdef":
        await push(queue, 50, partition)
        await age(queue, 61, partition, upto=40)
    jobs = [job(queue, Expiry.RETENTION, batch=7) for _ in range(2)]
    await asyncio.gather(*(each.run() for each in jobs))
    assert sum(each.deleted for each in jobs) == 240
    assert len(await stored(queue)) == 60


async def test_a_busy_partition_is_left_for_the_next_step(queue: Queue) -> None:
    """A step waits for a partition only while it holds none."""
    await configure(queue, RETAIN)
    for partition in "abc":
        await push(queue, 1, partition)
        await age(queue, 61, partition)
    async with queue.pool.connection(soon()) as connection, connection.transaction():
        await connection.fetch("select from queen.partitions where name = 'b' for no key update")
        first = await queue.store.delete_prefixes(Expiry.RETENTION, 0, 1000, soon())
        assert first.deleted == 1
        assert first.reached is not None
        waiting = asyncio.create_task(
            queue.store.delete_prefixes(Expiry.RETENTION, first.reached, 1000, soon())
        )
        await push(queue, 1, "c")  # nobody holds it while the step waits for b
        assert not waiting.done()
    last = await waiting
    assert (last.deleted, last.reached) == (2, None)
    assert await stored(queue) == ["c2"]
