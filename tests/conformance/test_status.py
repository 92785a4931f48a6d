"""/api/v1/status and /api/v1/status/queues: how much there is, exact and of this moment."""

from urllib.parse import urlencode

import pytest

from .admin_answers import Page, QueueList, Status
from .client import Client, Queue, item
from .marks import FEW, covers, on

STATUS = "GET /api/v1/status"
QUEUES = "GET /api/v1/status/queues"

pytestmark = on(FEW)


async def status_of(orders: Queue) -> Status:
    return (await orders.client.get(f"/api/v1/status?queue={orders.path}")).as_(Status)


async def page(client: Client, **query: object) -> QueueList:
    return (await client.get(f"/api/v1/status/queues?{urlencode(query)}")).as_(QueueList)


@covers(STATUS)
async def test_totals_follow_every_step(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c")
    totals = (await status_of(orders)).messages
    assert (totals.total, totals.pending, totals.completed, totals.dead_letter) == (3, 3, 0, 0)
    a, b = await orders.pop(2)
    assert (await status_of(orders)).messages.processing == 2
    await client.ack(item(a), item(b, "dlq"))
    totals = (await status_of(orders)).messages
    assert (totals.total, totals.pending, totals.processing, totals.dead_letter) == (3, 1, 0, 1)


@covers(STATUS)
async def test_live_leases_are_counted(client: Client, orders: Queue) -> None:
    for partition in "12":
        await orders.push("a", "b", partition=partition)
    assert (await status_of(orders)).leases.active == 0
    delivery = await orders.deliver(batch=4, partitions=2)
    leases = (await status_of(orders)).leases
    assert (leases.partitions_with_leases, leases.total_batch_size) == (2, 4)
    assert leases.active in (1, 2)
    await client.ack(*map(item, delivery.messages))
    assert (await status_of(orders)).leases.active == 0


@covers(STATUS)
async def test_dead_letters_are_counted_with_their_errors(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    await client.ack(item(a, "dlq", error="no such customer"), item(b, "dlq", error="no such customer"))
    letters = (await status_of(orders)).dead_letter_queue
    assert (letters.total_messages, letters.affected_partitions) == (2, 1)
    assert "no such customer" in str(letters.top_errors)


@covers(STATUS)
async def test_the_whole_is_no_less_than_one_queue(client: Client, orders: Queue) -> None:
    await orders.push("a")
    whole = (await client.get("/api/v1/status")).as_(Status)
    assert whole.messages.total >= (await status_of(orders)).messages.total == 1


@covers(STATUS)
async def test_a_queue_that_does_not_exist_holds_nothing(orders: Queue) -> None:
    status = await status_of(orders)
    assert (status.messages.total, status.leases.active, status.dead_letter_queue.total_messages) == (0, 0, 0)


@covers(QUEUES)
async def test_queues_come_in_true_pages(client: Client, orders: Queue) -> None:
    for number in range(5):
        body = {"queue": f"{orders.name}-{number}", "namespace": orders.name, "task": str(number % 2)}
        await client.post("/api/v1/configure", body)
    names = [queue.name for queue in (await page(client, namespace=orders.name)).queues]
    assert names == [f"{orders.name}-{number}" for number in (4, 3, 2, 1, 0)]
    second = await page(client, namespace=orders.name, limit=2, offset=2)
    assert [queue.name for queue in second.queues] == names[2:4]
    assert second.pagination == Page(limit=2, offset=2, total=5)
    odd = await page(client, namespace=orders.name, task="1")
    assert [queue.name for queue in odd.queues] == [names[1], names[3]]


@covers(QUEUES)
async def test_a_queue_has_its_counts(client: Client, orders: Queue) -> None:
    body = {"queue": orders.name, "namespace": orders.name}
    await client.post("/api/v1/configure", body)
    await orders.push("a", "b")
    [queue] = (await page(client, namespace=orders.name)).queues
    assert (queue.partitions, queue.messages.total, queue.messages.pending) == (1, 2, 2)


@pytest.mark.parametrize("query", ["limit=x", "limit=-1", "offset=x", "offset=-1", "limit=" + "9" * 30])
@covers(QUEUES)
async def test_a_page_out_of_bounds_is_clamped(client: Client, orders: Queue, query: str) -> None:
    await orders.configure()
    answer = await client.get(f"/api/v1/status/queues?{query}")
    assert answer.as_(QueueList).pagination.offset == 0


@covers(STATUS)
async def test_a_time_that_is_none_is_refused_by_name(client: Client) -> None:
    answer = await client.get("/api/v1/status?from=yesterday")
    assert answer.status == 400
    assert "from" in answer.error
