"""Queues, depths, totals and groups as they are read, case by case."""

from datetime import UTC, datetime, timedelta

import pytest

from queen.api.listing import Between
from queen.core.looking import PopRequest
from queen.core.reading import Page, Scope, Window
from queen.core.store import QUEUE_MODE_GROUP, QueueOptions
from queen.postgres.reader import PostgresReader

from .conftest import Queue, soon
from .orders import ack, age, pop, push

EVERYTHING = Page(limit=1000, offset=0)
HOUR = timedelta(hours=1)


@pytest.fixture
def reader(queue: Queue) -> PostgresReader:
    return PostgresReader(queue.pool)


async def test_leases_say_what_they_handed_out_and_what_is_done(queue: Queue, reader: PostgresReader) -> None:
    await push(queue, *"abc", partition="p")
    await push(queue, *"def", partition="q")
    await ack(queue, await pop(queue, batch=1, group="g"), "completed", group="g")
    delivery = await pop(queue, batch=6)
    await pop(queue, batch=2, group="g")
    [status] = (await reader.status(Scope(), Window(), 10, soon())).queues
    assert (status.leases, status.leased_partitions) == (2, 2)
    assert (status.handed_out, status.acknowledged, status.consumed) == (8, 0, 1)
    await ack(queue, delivery, "completed", "completed")
    [status] = (await reader.status(Scope(), Window(), 10, soon())).queues
    assert (status.handed_out, status.acknowledged, status.consumed) == (8, 2, 3)


async def test_the_most_frequent_errors_are_those_of_the_window(queue: Queue, reader: PostgresReader) -> None:
    await push(queue, *"abcd")
    for error in ("rare", "boom", "boom", "last"):
        await ack(queue, await pop(queue, batch=1), "dlq", error=error)
    status = await reader.status(Scope(), Window(), 2, soon())
    assert status.errors == [("boom", 2), ("last", 1)]
    assert status.until - status.since == HOUR
    now = datetime.now(UTC)
    status = await reader.status(Scope(), Window(until=now - HOUR), 2, soon())
    assert (status.errors, status.queues[0].counts.dead_letter) == ([], 4)
    assert (status.since, status.until) == (now - 2 * HOUR, now - HOUR)


@pytest.mark.parametrize("end", ["0001-01-01T00:30:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_a_window_at_an_end_of_the_calendar_is_read(reader: PostgresReader, end: str) -> None:
    window = Between.of("failed", "").read({"to": end})
    status = await reader.status(Scope(), window, 10, soon())
    assert status.until == window.until
    assert status.until - status.since == HOUR


async def test_queues_come_newest_first_by_their_labels(queue: Queue, reader: PostgresReader) -> None:
    for number in range(5):
        await queue.store.configure(
            f"q{number}", "even" if number % 2 == 0 else "odd", "t", QueueOptions(), soon()
        )

    async def listed(scope: Scope, page: Page = EVERYTHING) -> tuple[list[str], int]:
        found = await reader.queues(scope, page, soon())
        return [summary.queue.name for summary in found.items], found.total

    assert await listed(Scope()) == (["q4", "q3", "q2", "q1", "q0"], 5)
    assert await listed(Scope(namespace="even"), Page(1, 1)) == (["q2"], 3)
    assert await listed(Scope(namespace="even", task="t"), Page(2, 3)) == ([], 3)
    assert await listed(Scope(task="u")) == ([], 0)


async def test_there_is_no_such_queue(reader: PostgresReader) -> None:
    assert await reader.queue("orders", soon()) is None
    assert await reader.depth("orders", QUEUE_MODE_GROUP, 10, soon()) is None
    status = await reader.status(Scope(queue="orders"), Window(), 10, soon())
    assert (status.queues, status.errors) == ([], [])


async def test_a_depth_names_the_fullest_partitions(queue: Queue, reader: PostgresReader) -> None:
    for partition, count in (("one", 1), ("three", 3), ("two", 2)):
        await push(queue, *map(str, range(count)), partition=partition)
    depth = await reader.depth("orders", "g", 2, soon())
    assert depth is not None
    assert (depth.unread, depth.partitions_behind) == (6, 3)
    assert depth.partitions == [("three", 3), ("two", 2)]


async def test_the_depth_of_a_deleted_group_is_from_where_it_subscribed(
    queue: Queue, reader: PostgresReader
) -> None:
    await push(queue, "before")
    await queue.pop(PopRequest("orders", None, group="g", mode="new"))
    await push(queue, "after")
    await queue.store.delete_group("g", "orders", False, soon())
    for group, expected in (("g", 1), ("stranger", 2)):
        depth = await reader.depth("orders", group, 10, soon())
        assert depth is not None
        assert depth.unread == expected


async def test_a_group_lags_by_its_oldest_unread_message(queue: Queue, reader: PostgresReader) -> None:
    await push(queue, *"abc")
    await ack(queue, await pop(queue, batch=1, group="g"), "completed", group="g")
    await age(queue, "a", 3 * HOUR)
    await age(queue, "b", 2 * HOUR)
    [group] = (await reader.groups(EVERYTHING, soon())).items
    assert (group.name, group.queue, group.partitions) == ("g", "orders", 1)
    assert (group.unread, group.partitions_behind) == (2, 1)
    assert 7200 <= group.lag_s < 7260
    assert group.last_consumed_at is not None
    [partition] = (await reader.group("g", soon()))["orders"]
    assert (partition.partition, partition.consumed, partition.unread) == ("p", 1, 2)
    assert 7200 <= partition.lag_s < 7260
    assert partition.lease_id is None
    delivery = await pop(queue, group="g")
    [partition] = (await reader.group("g", soon()))["orders"]
    assert partition.lease_id == delivery.lease_id


async def test_a_message_that_came_while_one_looked_is_no_lag_below_zero(
    queue: Queue, reader: PostgresReader
) -> None:
    await queue.store.register_group("orders", "g", "all", None, soon())
    await push(queue, "a")
    await age(queue, "a", -HOUR)  # as seen from a look that began before
    [group] = (await reader.groups(EVERYTHING, soon())).items
    [partition] = (await reader.group("g", soon()))["orders"]
    assert (group.unread, group.lag_s, partition.lag_s) == (1, 0, 0)


async def test_groups_are_listed_by_queue_in_true_pages(queue: Queue, reader: PostgresReader) -> None:
    for to, group in (("b", "x"), ("a", "y"), ("a", "x"), ("c", "z")):
        await queue.store.register_group(to, group, "new", None, soon())
    await queue.store.delete_group("z", None, False, soon())
    found = await reader.groups(Page(2, 1), soon())
    assert [(group.queue, group.name) for group in found.items] == [("a", "y"), ("b", "x")]
    assert found.total == 3
    first = found.items[0]
    assert (first.subscription_mode, first.partitions, first.unread, first.lag_s) == ("new", 0, 0, 0)
    assert first.subscription_from is not None
    assert await reader.group("x", soon()) == {"a": [], "b": []}
    assert await reader.group("z", soon()) == {}
