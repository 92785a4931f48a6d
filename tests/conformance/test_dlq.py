"""GET /api/v1/dlq: what was given up, with its own copy of the message."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from .admin_answers import DeadLetters, Page
from .client import Client, Queue, item
from .marks import FEW, covers, on

pytestmark = [on(FEW), covers("GET /api/v1/dlq")]


async def dead(orders: Queue, **query: object) -> DeadLetters:
    path = f"/api/v1/dlq?{urlencode({'queue': orders.name, **query})}"
    return (await orders.client.get(path)).as_(DeadLetters)


async def names(orders: Queue, **query: object) -> list[str]:
    """The transactionIds of the list."""
    return [letter.transaction_id for letter in (await dead(orders, **query)).messages]


async def bury(
    orders: Queue, *transaction_ids: str, partition: str = "Default", group: str = "__QUEUE_MODE__"
) -> None:
    """Push and give up, one after the other."""
    for each in transaction_ids:
        await orders.push(each, partition=partition)
        [message] = await orders.pop(partition=partition, consumerGroup=group)
        acked = await orders.client.ack_one(item(message, "dlq", error=f"no {each}"), group=group)
        assert acked.dlq


async def test_a_dead_letter_has_its_message_and_why(client: Client, orders: Queue) -> None:
    payload = b'{"b": 1.10, "a": 12345678901234567890}'
    body = b'{"items": [{"queue": "%s", "partition": "p", "transactionId": "a", "payload": %s}]}'
    await client.post("/api/v1/push", body % (orders.name.encode(), payload))
    [message] = await orders.pop(consumerGroup="g")
    await client.ack(item(message, "dlq", error="no such customer"), group="g")
    [letter] = (await dead(orders)).messages
    assert (letter.id, letter.transaction_id) == (message.id, "a")
    assert (letter.partition_id, letter.queue, letter.partition) == (message.partition_id, orders.name, "p")
    assert (letter.consumer_group, letter.error_message) == ("g", "no such customer")
    assert datetime.fromisoformat(letter.created_at) <= datetime.fromisoformat(letter.failed_at)
    assert b'"data":' + payload in (await client.get(f"/api/v1/dlq?queue={orders.path}")).raw


async def test_the_retry_count_is_that_of_the_message(client: Client, orders: Queue) -> None:
    """The count at its death: with retryLimit 2 the third attempt dies after two retries."""
    await orders.configure(retryLimit=2)
    await orders.push("a")
    for _ in range(3):
        [message] = await orders.pop()
        await client.ack_one(item(message, "failed"))
    [letter] = (await dead(orders)).messages
    assert letter.retry_count == 2


@covers("POST /api/v1/ack/batch")
async def test_a_batch_that_does_not_say_why_ran_out_of_retries(client: Client, orders: Queue) -> None:
    await orders.configure(retryLimit=0)
    await orders.push("a")
    [message] = await orders.pop()
    await client.ack(item(message, "failed"))
    [letter] = (await dead(orders)).messages
    assert letter.error_message == "Retries exhausted"


async def test_the_newest_failure_comes_first_and_pages_are_true_pages(orders: Queue) -> None:
    """limit and offset work, and total counts what there is (upstream: none of them)."""
    await bury(orders, *"abcde")
    assert await names(orders) == ["e", "d", "c", "b", "a"]
    page = await dead(orders, limit=2, offset=2)
    assert [letter.transaction_id for letter in page.messages] == ["c", "b"]
    assert (page.pagination, page.total) == (Page(limit=2, offset=2, total=5), 5)
    past = await dead(orders, limit=2, offset=9)
    assert (past.messages, past.total) == ([], 5)


async def test_every_filter_counts(orders: Queue) -> None:
    await bury(orders, "a", partition="1")
    await bury(orders, "b", partition="2")
    await bury(orders, "c", partition="3", group="g")
    assert await names(orders, partition="2") == ["b"]
    assert await names(orders, consumerGroup="g") == ["c"]
    assert await names(orders, consumerGroup="g", partition="1") == []
    assert await names(orders, consumerGroup="__QUEUE_MODE__") == ["b", "a"]
    assert await names(orders, consumerGroup="nobody") == []
    assert (await dead(orders, partition="1")).total == 1


async def test_filters_by_the_time_of_the_failure(orders: Queue) -> None:
    await bury(orders, "a")
    now, hour = datetime.now(UTC), timedelta(hours=1)
    assert await names(orders, **{"from": (now - hour).isoformat()}) == ["a"]
    assert await names(orders, **{"from": (now + hour).isoformat()}) == []
    assert await names(orders, to=(now + hour).isoformat()) == ["a"]
    assert await names(orders, to=(now - hour).isoformat()) == []


async def test_the_groups_bury_each_their_own(orders: Queue) -> None:
    """A message that two groups give up is two dead letters."""
    await orders.push("a")
    for group in ("g", "h"):
        [message] = await orders.pop(consumerGroup=group)
        await orders.client.ack(item(message, "dlq"), group=group)
    assert sorted(letter.consumer_group for letter in (await dead(orders)).messages) == ["g", "h"]
    assert await names(orders, consumerGroup="h") == ["a"]


async def test_a_queue_without_any_has_none(orders: Queue) -> None:
    page = await dead(orders)
    assert (page.messages, page.total) == ([], 0)


async def test_a_page_is_100_unless_asked_otherwise(orders: Queue) -> None:
    page = await dead(orders, limit="x", offset="x")
    assert (page.pagination.limit, page.pagination.offset) == (100, 0)


@pytest.mark.parametrize(
    ("query", "said"),
    [("from=yesterday", "from"), ("to=tomorrow", "to"), (f"queue={'q' * 256}", "queue")],
)
async def test_a_filter_that_can_be_none_is_refused_by_name(client: Client, query: str, said: str) -> None:
    answer = await client.get(f"/api/v1/dlq?{query}")
    assert answer.status == 400
    assert said in answer.error
