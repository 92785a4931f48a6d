"""GET /api/v1/messages and /messages/{partitionId}/{transactionId}: to look, never to change."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest

from .admin_answers import MessageDetail, MessageList, Page
from .client import NOBODY, Client, Queue, item, segment
from .marks import FEW, covers, on

LIST = "GET /api/v1/messages"
ONE_MESSAGE = "GET /api/v1/messages/{partitionId}/{transactionId}"

pytestmark = [on(FEW), covers(LIST)]

TRACE = "0190a000-0000-7000-8000-000000000001"


async def listed(orders: Queue, **query: object) -> MessageList:
    path = f"/api/v1/messages?{urlencode({'queue': orders.name, **query})}"
    return (await orders.client.get(path)).as_(MessageList)


async def names(orders: Queue, **query: object) -> list[str]:
    """The transactionIds of the list."""
    return [message.transaction_id for message in (await listed(orders, **query)).messages]


async def status_of(orders: Queue, transaction_id: str) -> str:
    [status] = [m.status for m in (await listed(orders)).messages if m.transaction_id == transaction_id]
    return status


async def test_a_row_says_everything_but_the_payload(client: Client, orders: Queue) -> None:
    body = {"queue": orders.name, "namespace": "n", "task": "t", "options": {"priority": 5}}
    await client.post("/api/v1/configure", body)
    [pushed] = await client.push(orders.message("a", "p", payload="secret", traceId=TRACE))
    [message] = (await listed(orders)).messages
    assert (message.id, message.partition_id) == (pushed.message_id, pushed.partition_id)
    assert (message.queue, message.partition, message.queue_path) == (orders.name, "p", f"{orders.name}/p")
    assert (message.namespace, message.task, message.queue_priority) == ("n", "t", 5)
    assert (message.trace_id, message.lease_expires_at) == (TRACE, None)
    assert datetime.fromisoformat(message.created_at).tzinfo
    assert b"secret" not in (await client.get(f"/api/v1/messages?queue={orders.path}")).raw


async def test_the_newest_come_first(orders: Queue) -> None:
    for each in "abc":
        await orders.push(each, partition=each)
    assert await names(orders) == ["c", "b", "a"]


async def test_pages_are_true_pages(orders: Queue) -> None:
    await orders.push(*"abcde")
    assert await names(orders, limit=2) == ["e", "d"]
    assert await names(orders, limit=2, offset=2) == ["c", "b"]
    assert await names(orders, limit=2, offset=4) == ["a"]
    past = await listed(orders, limit=2, offset=9)
    assert (past.messages, past.pagination) == ([], Page(limit=2, offset=9, total=5))


async def test_a_page_is_200_unless_asked_otherwise(orders: Queue) -> None:
    await orders.push(*(str(number) for number in range(205)))
    assert len(await names(orders)) == 200


@pytest.mark.parametrize("query", [{"limit": "x"}, {"limit": ""}, {"offset": "x"}, {"offset": "-1"}])
async def test_a_page_of_no_number_is_the_default(orders: Queue, query: dict[str, object]) -> None:
    await orders.push("a")
    assert await names(orders, **query) == ["a"]


async def test_filters_by_where_a_message_is(client: Client, orders: Queue) -> None:
    body = {"queue": orders.name, "namespace": orders.name, "task": "t"}
    await client.post("/api/v1/configure", body)
    await orders.push("a", partition="1")
    await orders.push("b", partition="2")
    assert await names(orders, partition="2") == ["b"]
    assert await names(orders, partition="3") == []
    assert await names(orders, ns=orders.name, task="t") == ["b", "a"]
    assert await names(orders, ns="another") == []
    assert await names(orders, task="another") == []
    whole_namespace = await client.get(f"/api/v1/messages?ns={orders.path}")
    assert len(whole_namespace.as_(MessageList).messages) == 2


async def test_filters_by_time(orders: Queue) -> None:
    """`from` belongs to the window; without a window it is the last hour."""
    await orders.push("a")
    [message] = await orders.pop()
    made = datetime.fromisoformat(message.created_at)
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    assert await names(orders, **{"from": made.isoformat()}) == ["a"]
    assert await names(orders, **{"from": (made - minute).isoformat()}) == ["a"]
    assert await names(orders, **{"from": (made + minute).isoformat()}) == []
    before, after = (made - hour).isoformat(), (made + 2 * minute).isoformat()
    assert await names(orders, **{"from": before, "to": after}) == ["a"]
    assert await names(orders, **{"from": before, "to": (made - 2 * minute).isoformat()}) == []


async def test_in_queue_mode_the_status_is_that_of_the_position(client: Client, orders: Queue) -> None:
    """Pending, processing while a lease lives on the partition, completed behind the position."""
    await orders.push("a", "b")
    assert await status_of(orders, "a") == "pending"
    a, b = await orders.pop(2)
    assert await status_of(orders, "a") == await status_of(orders, "b") == "processing"
    await client.ack(item(a))
    assert (await status_of(orders, "a"), await status_of(orders, "b")) == ("completed", "processing")
    await client.ack(item(b, "retry"))
    assert (await status_of(orders, "a"), await status_of(orders, "b")) == ("completed", "pending")


async def test_with_groups_alone_a_message_is_completed_when_all_have_passed_it(
    client: Client, orders: Queue
) -> None:
    await orders.push("a")
    for group, expected in (("g", "pending"), ("h", "completed")):
        for known in ("g", "h"):
            await orders.pop(consumerGroup=known, partition="another")
        [message] = await orders.pop(consumerGroup=group)
        await client.ack(item(message), group=group)
        assert await status_of(orders, "a") == expected
    [message_row] = (await listed(orders)).messages
    assert (message_row.bus_status.consumed_by, message_row.bus_status.total_groups) == (2, 2)


async def test_a_dead_letter_is_one_whoever_gave_it_up(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    a, _ = await orders.pop(2)
    await client.ack(item(a, "dlq"))
    assert await status_of(orders, "a") == "dead_letter"


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "dead_letter"])
async def test_filters_by_status(client: Client, orders: Queue, status: str) -> None:
    await orders.push("pending", partition="1")
    await orders.push("processing", partition="2")
    await orders.push("completed", partition="3")
    await orders.push("dead_letter", partition="4")
    await orders.pop(partition="2")
    [completed] = await orders.pop(partition="3")
    [dead] = await orders.pop(partition="4")
    await client.ack(item(completed), item(dead, "dlq"))
    assert await names(orders, status=status) == [status]


async def test_the_mode_says_who_reads(orders: Queue) -> None:
    await orders.push("a")
    assert (await listed(orders)).mode.type == "none"
    await orders.pop(consumerGroup="g")
    mode = (await listed(orders)).mode
    assert (mode.type, mode.has_queue_mode, mode.bus_groups_count) == ("bus", False, 1)
    await orders.pop()
    mode = (await listed(orders)).mode
    assert (mode.type, mode.has_queue_mode, mode.bus_groups_count) == ("hybrid", True, 1)


async def test_a_queue_that_does_not_exist_has_no_messages(orders: Queue) -> None:
    assert await names(orders) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("status=done", "status"),
        ("from=yesterday", "from"),
        ("to=tomorrow", "to"),
        (f"queue={'q' * 256}", "queue"),
        ("partition=%00", "partition"),
    ],
)
async def test_a_filter_that_can_be_none_is_refused_by_name(client: Client, query: str, said: str) -> None:
    answer = await client.get(f"/api/v1/messages?{query}")
    assert answer.status == 400
    assert said in answer.error


@covers(ONE_MESSAGE)
async def test_one_message_shows_its_payload_and_who_has_read_it(client: Client, orders: Queue) -> None:
    await orders.configure(leaseTime=77, retryLimit=5)
    payload = b'{"b": 1.10, "a": 12345678901234567890}'
    body = b'{"items": [{"queue": "%s", "transactionId": "a/b", "payload": %s}]}'
    await client.post("/api/v1/push", body % (orders.name.encode(), payload))
    [message] = await orders.pop(consumerGroup="g")
    await client.ack(item(message), group="g")
    await orders.pop(consumerGroup="h")
    answer = await client.get(f"/api/v1/messages/{message.partition_id}/{segment('a/b')}")
    detail = answer.as_(MessageDetail)
    assert b'"payload":' + payload in answer.raw
    assert (detail.id, detail.transaction_id, detail.queue) == (message.id, "a/b", orders.name)
    assert (detail.queue_config.lease_time, detail.queue_config.retry_limit) == (77, 5)
    assert detail.error_message is None
    groups = {group.name: group for group in detail.consumer_groups}
    assert (groups["g"].consumed, groups["h"].consumed) == (True, False)
    assert groups["g"].lease_expires_at is None
    assert groups["h"].lease_expires_at is not None


@covers(ONE_MESSAGE)
async def test_a_dead_letter_shows_why(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    await client.ack(item(a, "dlq", error="no such customer"))
    detail = (await client.get(f"/api/v1/messages/{a.partition_id}/a")).as_(MessageDetail)
    assert (detail.status, detail.error_message) == ("dead_letter", "no such customer")


@pytest.mark.parametrize("place", [f"{NOBODY}/a", "{partition}/never"])
@covers(ONE_MESSAGE)
async def test_a_message_that_does_not_exist_is_404(client: Client, orders: Queue, place: str) -> None:
    [pushed] = await orders.push("a")
    answer = await client.get(f"/api/v1/messages/{place.format(partition=pushed.partition_id)}")
    assert (answer.status, answer.error) == (404, "Message not found")


@covers(ONE_MESSAGE)
async def test_a_partition_id_that_is_no_uuid_is_refused(client: Client) -> None:
    answer = await client.get("/api/v1/messages/x/a")
    assert answer.status == 400
    assert "partitionId must be a UUID" in answer.error


@covers(ONE_MESSAGE)
async def test_messages_are_read_only_here(client: Client, orders: Queue) -> None:
    [pushed] = await orders.push("a")
    answer = await client.delete(f"/api/v1/messages/{pushed.partition_id}/a")
    assert answer.status in (404, 405)
    assert answer.error
    assert len(await orders.pop()) == 1
