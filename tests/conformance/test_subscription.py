"""Where a named group starts: decided at its first contact with a queue, and never again."""

from datetime import datetime, timedelta

import pytest

from .answers import Message
from .client import Client, Queue, ids, item
from .marks import covers

POP_QUEUE = "GET /api/v1/pop/queue/{queue}"
POP_PARTITION = "GET /api/v1/pop/queue/{queue}/partition/{partition}"

pytestmark = covers(POP_QUEUE)


async def all_of(orders: Queue, partition: str | None = None, **query: object) -> list[str]:
    """Everything that the group has to get, at most once."""
    found: list[Message] = []
    while messages := await orders.pop(99, partition, consumerGroup="g", autoAck="true", **query):
        found += messages
    return ids(found)


@pytest.mark.parametrize("mode", [None, "", "all", "from_beginning", "any text"])
async def test_a_group_starts_at_the_beginning(orders: Queue, mode: str | None) -> None:
    await orders.push("old")
    assert await all_of(orders, **({} if mode is None else {"subscriptionMode": mode})) == ["old"]


@pytest.mark.parametrize(
    "query", [{"subscriptionMode": "new"}, {"subscriptionMode": "new-only"}, {"subscriptionFrom": "now"}]
)
@pytest.mark.parametrize("partition", [None, "Default"])
@covers(POP_PARTITION)
async def test_new_is_what_is_pushed_after_the_first_request(
    orders: Queue, partition: str | None, query: dict[str, object]
) -> None:
    await orders.push("old")
    assert await all_of(orders, partition, **query) == []
    await orders.push("new")
    assert await all_of(orders, partition) == ["new"]


@pytest.mark.parametrize("partition", [None, "Default"])
@covers(POP_PARTITION)
async def test_a_group_registers_before_there_is_anything(orders: Queue, partition: str | None) -> None:
    """Upstream registers when a pop claims, and skips what was pushed in between."""
    assert await all_of(orders, partition, subscriptionMode="new") == []
    await orders.push("first")
    assert await all_of(orders, partition) == ["first"]


async def test_new_holds_for_partitions_that_come_later(orders: Queue) -> None:
    """The start is the group's and the queue's: a partition that is made later is new from its beginning."""
    await orders.push("old", partition="1")
    assert await all_of(orders, subscriptionMode="new") == []
    await orders.push("a", partition="2")
    await orders.push("b", partition="1")
    assert sorted(await all_of(orders, partitions=9)) == ["a", "b"]


async def test_a_group_starts_at_a_time(orders: Queue) -> None:
    for each in ("a", "b", "c"):
        await orders.push(each)
    messages = await orders.pop(3)
    assert await all_of(orders, subscriptionFrom=messages[1].created_at) == ["b", "c"]


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(timedelta(days=1), ["a"]), (-timedelta(days=1), [])],
)
async def test_a_time_with_an_offset_is_that_instant(
    orders: Queue, ago: timedelta, expected: list[str]
) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    start = (datetime.fromisoformat(a.created_at) - ago).isoformat()
    assert await all_of(orders, subscriptionFrom=start) == expected


async def test_the_first_contact_decides_for_ever(orders: Queue) -> None:
    await orders.push("old")
    assert await all_of(orders, subscriptionMode="new") == []
    assert await all_of(orders, subscriptionMode="all") == []
    assert await all_of(orders, subscriptionFrom="2020-01-01T00:00:00Z") == []
    await orders.push("new")
    assert await all_of(orders, subscriptionMode="new") == ["new"]


async def test_queue_mode_always_starts_at_the_beginning(orders: Queue) -> None:
    await orders.push("old")
    assert ids(await orders.pop(subscriptionMode="new", autoAck="true")) == ["old"]
    await orders.push("next")
    assert ids(await orders.pop(subscriptionFrom="now")) == ["next"]


async def test_a_group_has_a_start_for_each_queue(client: Client, orders: Queue) -> None:
    other = Queue(client, orders.name + "-other")
    await orders.push("old")
    await other.push("old")
    assert await all_of(orders, subscriptionMode="new") == []
    assert await all_of(other) == ["old"]


async def test_a_lease_counts_for_a_group_that_starts_at_new(client: Client, orders: Queue) -> None:
    """Starting at new is a position like any other: acks, leases and retries work from there."""
    await orders.push("old")
    await all_of(orders, subscriptionMode="new")
    await orders.push("a", "b")
    first = await orders.pop(9, consumerGroup="g")
    assert ids(first) == ["a", "b"]
    await client.ack(item(first[0], "retry"), group="g")
    assert ids(await orders.pop(9, consumerGroup="g")) == ["a", "b"]
