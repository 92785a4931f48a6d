"""/api/v1/resources/queues…: what there is, how far it is, and away with it."""

from datetime import datetime

import pytest

from .admin_answers import Deleted, Depth, Page, QueueDetail, QueueList, QueueRow
from .client import Client, Queue, ids, item
from .marks import FEW, covers, on

LIST = "GET /api/v1/resources/queues"
ONE_QUEUE = "GET /api/v1/resources/queues/{queue}"
DELETE = "DELETE /api/v1/resources/queues/{queue}"
DEPTH = "GET /api/v1/resources/queues/{queue}/depth"

pytestmark = on(FEW)


async def row_of(orders: Queue) -> QueueRow:
    """The queue in the list of all."""
    queues = (await orders.client.get("/api/v1/resources/queues")).as_(QueueList).queues
    [row] = [queue for queue in queues if queue.name == orders.name]
    return row


async def detail_of(orders: Queue) -> QueueDetail:
    return (await orders.client.get(f"/api/v1/resources/queues/{orders.path}")).as_(QueueDetail)


async def depth_of(orders: Queue, group: str | None = None) -> Depth:
    query = "" if group is None else f"?group={group}"
    return (await orders.client.get(f"/api/v1/resources/queues/{orders.path}/depth{query}")).as_(Depth)


async def delete(orders: Queue) -> Deleted:
    return (await orders.client.delete(f"/api/v1/resources/queues/{orders.path}")).as_(Deleted)


@covers(LIST)
async def test_the_list_names_every_queue_the_newest_first(client: Client, orders: Queue) -> None:
    body = {"queue": orders.name, "namespace": "n", "task": "t"}
    configured = (await client.post("/api/v1/configure", body)).json
    newer = Queue(client, orders.name + "-newer")
    await newer.push("a", partition="1")
    await newer.push("b", partition="2")
    row = await row_of(orders)
    assert (row.id, row.namespace, row.task) == (configured["queueId"], "n", "t")
    assert row.partitions == 1
    assert (await row_of(newer)).partitions == 2
    assert datetime.fromisoformat(row.created_at).tzinfo
    names = [queue.name for queue in (await client.get("/api/v1/resources/queues")).as_(QueueList).queues]
    assert names.index(newer.name) < names.index(orders.name)


@covers(LIST)
async def test_the_list_comes_in_true_pages(client: Client, orders: Queue) -> None:
    for number in range(3):
        body = {"queue": f"{orders.name}-{number}", "namespace": orders.name}
        await client.post("/api/v1/configure", body)
    path = f"/api/v1/resources/queues?namespace={orders.path}&limit=2&offset=1"
    page = (await client.get(path)).as_(QueueList)
    assert [queue.name for queue in page.queues] == [f"{orders.name}-1", f"{orders.name}-0"]
    assert page.pagination == Page(limit=2, offset=1, total=3)


@covers(LIST, ONE_QUEUE)
async def test_a_queue_made_by_a_push_has_the_labels_in_its_name(client: Client, orders: Queue) -> None:
    """namespace: what stands before the first dot; task: the second part."""
    dotted = Queue(client, f"{orders.name}.invoices.eu")
    await dotted.push("a")
    row = await row_of(dotted)
    assert (row.namespace, row.task) == (orders.name, "invoices")


@covers(LIST, ONE_QUEUE)
async def test_counts_are_exact_and_of_this_moment(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c")
    row, detail = await row_of(orders), await detail_of(orders)
    assert (row.messages.total, row.messages.pending, row.messages.processing) == (3, 3, 0)
    assert (detail.totals.total, detail.totals.pending, detail.totals.completed) == (3, 3, 0)
    a, b = await orders.pop(2)
    assert (await row_of(orders)).messages.processing == 2
    assert (await detail_of(orders)).totals.processing == 2
    await client.ack(item(a), item(b, "dlq"))
    row, detail = await row_of(orders), await detail_of(orders)
    assert (row.messages.total, row.messages.pending, row.messages.processing) == (3, 1, 0)
    assert (detail.totals.total, detail.totals.pending, detail.totals.processing) == (3, 1, 0)
    assert detail.totals.dead_letter == 1


@covers(ONE_QUEUE)
async def test_one_queue_shows_its_partitions(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", partition="1")
    [pushed] = await orders.push("c", partition="2")
    [a, b] = await orders.pop(2, "1")
    await client.ack(item(a), item(b))
    detail = await detail_of(orders)
    partitions = {partition.name: partition for partition in detail.partitions}
    assert partitions.keys() == {"1", "2"}
    one, two = partitions["1"], partitions["2"]
    assert (one.stats.total, one.stats.pending, one.stats.completed) == (2, 0, 2)
    assert (two.id, two.stats.total, two.stats.pending) == (pushed.partition_id, 1, 1)
    assert one.oldest_message is not None
    assert one.newest_message is not None
    assert datetime.fromisoformat(one.oldest_message) <= datetime.fromisoformat(one.newest_message)
    assert (detail.totals.total, detail.totals.pending, detail.totals.completed) == (3, 1, 2)


@covers(ONE_QUEUE)
async def test_an_empty_queue_has_no_oldest_message(orders: Queue) -> None:
    await orders.configure()
    [partition] = (await detail_of(orders)).partitions
    assert (partition.name, partition.oldest_message, partition.newest_message) == ("Default", None, None)
    assert partition.stats.total == 0


@pytest.mark.parametrize("path", ["", "/depth"])
@covers(ONE_QUEUE, DEPTH)
async def test_a_queue_that_does_not_exist_is_404(orders: Queue, path: str) -> None:
    answer = await orders.client.get(f"/api/v1/resources/queues/{orders.path}{path}")
    assert (answer.status, answer.error) == (404, "Queue not found")


@covers(ONE_QUEUE, DELETE)
async def test_a_name_in_a_path_is_decoded(client: Client, orders: Queue) -> None:
    odd = Queue(client, orders.name + "/b %41'; --")
    await odd.push("a")
    assert (await detail_of(odd)).name == odd.name
    assert (await delete(odd)).existed


@covers(DEPTH)
async def test_the_depth_is_what_a_group_has_still_to_get(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c", partition="1")
    await orders.push("d", partition="2")
    depth = await depth_of(orders)
    assert (depth.queue, depth.group) == (orders.name, "__QUEUE_MODE__")
    assert (depth.pending, depth.effective_pending, depth.partitions_pending) == (4, 4, 2)
    assert {one.partition: one.pending for one in depth.partitions} == {"1": 3, "2": 1}
    [a, b] = await orders.pop(2, "1", consumerGroup="g")
    await client.ack(item(a), item(b), group="g")
    assert (await depth_of(orders, "g")).pending == 2
    assert (await depth_of(orders)).pending == 4
    [d] = await orders.pop(1, "2", consumerGroup="g")
    await client.ack(item(d), group="g")
    depth = await depth_of(orders, "g")
    assert (depth.group, depth.pending, depth.partitions_pending) == ("g", 1, 1)


@covers(DEPTH)
async def test_a_lease_does_not_change_the_depth(orders: Queue) -> None:
    await orders.push("a", "b")
    await orders.pop()
    assert (await depth_of(orders)).pending == 2


@covers(DELETE)
async def test_deleting_takes_everything_of_a_queue(client: Client, orders: Queue) -> None:
    """Messages, dead letters, groups and where they subscribed (upstream keeps the latter)."""
    await orders.push("a", "b")
    assert await orders.pop(consumerGroup="g", subscriptionMode="new") == []
    [a] = await orders.pop()
    await client.ack(item(a, "dlq"))
    deleted = await delete(orders)
    assert (deleted.queue, deleted.existed) == (orders.name, True)
    assert (await client.get(f"/api/v1/resources/queues/{orders.path}")).status == 404
    assert await orders.pop() == []
    assert (await client.get(f"/api/v1/dlq?queue={orders.path}")).json["total"] == 0
    [again] = await orders.push("a")
    assert again.status == "queued", "its transactionId is free"
    assert ids(await orders.pop(consumerGroup="g")) == ["a"], "g starts anew, at the beginning"


@covers(DELETE)
async def test_deleting_what_does_not_exist_says_so(orders: Queue) -> None:
    assert not (await delete(orders)).existed


@covers(DELETE)
async def test_a_lease_of_a_deleted_queue_is_gone(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    await delete(orders)
    await orders.push("a")
    refused = await client.ack_one(item(a))
    assert not refused.success
    assert ids(await orders.pop()) == ["a"]


@covers(DELETE)
async def test_a_deleted_queue_has_its_options_no_more(client: Client, orders: Queue) -> None:
    await orders.configure(retryLimit=0)
    await delete(orders)
    await orders.push("a")
    [a] = await orders.pop()
    assert not (await client.ack_one(item(a, "failed"))).dlq
