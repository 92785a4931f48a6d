"""Leases that are extended, groups that are moved and deleted, queues that are deleted."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from queen.core.looking import PopRequest
from queen.core.pop import Delivery
from queen.core.store import AckItem, QueueOptions
from tests.waiting import until

from .conftest import Queue, soon
from .delivered import messages
from .orders import names, push


async def pop(
    queue: Queue, batch: int = 10, group: str = "g", partition: str | None = None, partitions: int = 10
) -> Delivery | None:
    return await queue.pop(PopRequest("orders", partition, group=group, batch=batch, partitions=partitions))


async def created_at(queue: Queue, name: str) -> datetime:
    [(found,)] = await queue.sql("select created_at from queen.messages where transaction_id = $1", name)
    assert isinstance(found, datetime)
    return found


async def test_a_lease_is_extended_on_all_its_partitions(queue: Queue) -> None:
    await push(queue, "a", partition="p")
    await push(queue, "b", partition="q")
    delivery = await pop(queue)
    assert delivery is not None and delivery.lease_id is not None
    extension = await queue.store.extend(delivery.lease_id, 4000, soon())
    assert (extension.held, extension.extended) == (2, 2)
    assert extension.expires_at is not None
    remaining = extension.expires_at - datetime.now(UTC)
    assert timedelta(seconds=3990) < remaining <= timedelta(seconds=4001)
    rows = await queue.sql(
        "select lease_expires_at > now() + interval '1 h', available_at = lease_expires_at from queen.cursors"
    )
    assert rows == [(True, True), (True, True)]


async def test_an_extension_never_shortens_a_lease(queue: Queue) -> None:
    await push(queue, "a")
    delivery = await pop(queue)
    assert delivery is not None and delivery.lease_id is not None
    extension = await queue.store.extend(delivery.lease_id, 1, soon())
    assert extension.expires_at is not None
    assert extension.expires_at > datetime.now(UTC) + timedelta(seconds=200)


async def test_what_has_run_out_or_was_never_there_is_not_extended(queue: Queue) -> None:
    await push(queue, "a")
    delivery = await pop(queue)
    assert delivery is not None and delivery.lease_id is not None
    await queue.sql("update queen.cursors set lease_expires_at = now(), available_at = now()")
    expired = await queue.store.extend(delivery.lease_id, 60, soon())
    assert (expired.held, expired.extended, expired.expires_at) == (1, 0, None)
    unknown = await queue.store.extend(uuid4(), 60, soon())
    assert (unknown.held, unknown.extended, unknown.expires_at) == (0, 0, None)


async def test_seek_to_the_end_skips_and_ends_the_lease(queue: Queue) -> None:
    await push(queue, "a", "b", partition="p")
    await push(queue, "c", partition="q")
    delivery = await pop(queue, batch=1)
    assert delivery is not None
    assert await queue.store.seek("orders", "g", None, None, soon()) == {"p": 2, "q": 1}
    assert await pop(queue) is None
    item = AckItem(messages(delivery)[0].partition_id, "b", "completed", str(delivery.lease_id))
    [late] = await queue.ack("g", [item])
    assert late.noop
    await push(queue, "d")
    assert names(await pop(queue)) == ["d"]


async def test_seek_to_a_time_delivers_what_is_younger(queue: Queue) -> None:
    await push(queue, "a", "b", "c")
    assert names(await pop(queue, group="other")) == ["a", "b", "c"]
    delivery = await pop(queue)
    assert delivery is not None
    moment = await created_at(queue, "b")
    assert await queue.store.seek("orders", "g", None, moment, soon()) == {"p": 2}
    assert names(await pop(queue)) == ["c"]
    before = await created_at(queue, "a") - timedelta(microseconds=1)
    assert await queue.store.seek("orders", "g", None, before, soon()) == {"p": 0}
    assert names(await pop(queue)) == ["a", "b", "c"], "another group's lease is not touched"


async def test_seek_moves_one_partition_only(queue: Queue) -> None:
    await push(queue, "a", partition="p")
    await push(queue, "b", partition="q")
    assert await pop(queue) is not None
    assert await queue.store.seek("orders", "g", "p", None, soon()) == {"p": 1}
    assert await queue.store.seek("orders", "g", "nowhere", None, soon()) == {}
    assert await queue.store.seek("orders", "nobody", None, None, soon()) == {}


async def test_a_deleted_group_starts_anew(queue: Queue) -> None:
    await push(queue, "a", "b")
    delivery = await queue.pop(PopRequest("orders", None, group="g", batch=2, auto_ack=True))
    assert names(delivery) == ["a", "b"]
    assert await queue.store.delete_group("g", None, True, soon()) == {"orders": 1}
    assert names(await pop(queue)) == ["a", "b"], "the process that knew the group finds out"


async def test_a_group_deleted_without_its_subscription_remembers_it(queue: Queue) -> None:
    await push(queue, "a")
    new = PopRequest("orders", None, group="g", batch=10, mode="new", auto_ack=True)
    assert await queue.pop(new) is None
    await push(queue, "b")
    assert names(await queue.pop(new)) == ["b"]
    assert await queue.store.delete_group("g", "orders", False, soon()) == {"orders": 1}
    assert await queue.sql("select count(*) from queen.cursors") == [(0,)]
    await push(queue, "c", partition="q")
    back = await queue.pop(PopRequest("orders", None, group="g", batch=10, partitions=5, auto_ack=True))
    assert sorted(names(back)) == ["b", "c"]


async def test_deleting_a_group_of_one_queue_leaves_the_others(queue: Queue) -> None:
    await push(queue, "a")
    await queue.pop(PopRequest("mails", None, group="g"))
    await pop(queue)
    assert await queue.store.delete_group("g", "mails", True, soon()) == {"mails": 0}
    assert await pop(queue) is None, "its lease on orders lives"
    assert await queue.store.delete_group("nobody", None, True, soon()) == {}


async def test_a_deleted_queue_takes_everything_with_it(queue: Queue) -> None:
    await queue.store.configure("orders", "", "", QueueOptions(retry_limit=0), soon())
    await push(queue, "a", "b")
    delivery = await pop(queue, batch=1)
    assert delivery is not None
    partition = messages(delivery)[0].partition_id
    await queue.ack("g", [AckItem(partition, "a", "dlq", str(delivery.lease_id))])
    assert await queue.store.delete_queue("orders", soon())
    for table in ("queues", "partitions", "messages", "cursors", "consumer_groups", "dead_letters"):
        assert await queue.sql(f"select count(*) from queen.{table}") == [(0,)], table
    assert not await queue.store.delete_queue("orders", soon())


async def test_who_knew_the_deleted_queue_finds_the_new_one(queue: Queue) -> None:
    """Stale ids of groups and partitions are found out by push, by pop and by pop of a named partition."""
    await push(queue, "a")
    assert names(await pop(queue, partition="p")) == ["a"]
    assert await queue.store.delete_queue("orders", soon())
    assert await pop(queue, partition="p") is None
    await push(queue, "b")
    assert names(await pop(queue, partition="p")) == ["b"]
    assert names(await pop(queue, group="other")) == ["b"]


async def test_a_parked_poll_outlives_its_queue(queue: Queue) -> None:
    await push(queue, "a")
    await queue.pop(PopRequest("orders", "p", group="g", auto_ack=True))
    waiting = asyncio.create_task(queue.pop(PopRequest("orders", "p", group="g", wait_ms=20_000)))
    async with asyncio.timeout(15):
        await until(lambda: queue.wakeups.parked == 1)
        assert await queue.store.delete_queue("orders", soon())
        await push(queue, "b")
        assert names(await waiting) == ["b"]


async def test_a_shorter_delay_holds_for_what_waits_already(queue: Queue) -> None:
    await queue.store.configure("orders", "", "", QueueOptions(delayed_processing=3600), soon())
    await push(queue, "a")
    assert await pop(queue) is None
    await queue.store.configure("orders", "", "", QueueOptions(), soon())
    assert names(await pop(queue)) == ["a"]


async def test_a_group_deleted_with_its_queue_registers_again_at_a_partition_that_is_not_there(
    queue: Queue,
) -> None:
    """A subscription to what is new starts at the first pop after the deletion, which finds no partition."""
    new = PopRequest("orders", "p", group="g", mode="new", auto_ack=True)
    assert await queue.pop(new) is None
    assert not await queue.store.delete_queue("orders", soon()), (
        "it never existed; its groups go all the same"
    )
    assert await queue.pop(new) is None
    await push(queue, "a")
    assert names(await queue.pop(new)) == ["a"]


async def test_a_shorter_delay_holds_for_what_waits_behind_a_lease_that_ran_out(queue: Queue) -> None:
    await push(queue, "a")
    assert names(await pop(queue)) == ["a"]
    await queue.sql("update queen.cursors set lease_expires_at = now(), available_at = now()")
    await queue.store.configure("orders", "", "", QueueOptions(delayed_processing=3600), soon())
    assert await pop(queue) is None
    await queue.store.configure("orders", "", "", QueueOptions(), soon())
    assert names(await pop(queue)) == ["a"]
