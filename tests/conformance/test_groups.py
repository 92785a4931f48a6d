"""/api/v1/consumer-groups…: who reads what, how far, and moving or deleting them."""

from datetime import datetime, timedelta

import pytest

from .admin_answers import GroupDeleted, GroupOnQueue, GroupRow, PartitionSought, Sought
from .client import Client, Queue, ids, item, segment
from .http_client import Answer
from .marks import FEW, covers, on

LIST = "GET /api/v1/consumer-groups"
ONE_GROUP = "GET /api/v1/consumer-groups/{group}"
DELETE = "DELETE /api/v1/consumer-groups/{group}"
DELETE_ON_QUEUE = "DELETE /api/v1/consumer-groups/{group}/queues/{queue}"
SEEK = "POST /api/v1/consumer-groups/{group}/queues/{queue}/seek"
SEEK_PARTITION = "POST /api/v1/consumer-groups/{group}/queues/{queue}/partitions/{partition}/seek"

pytestmark = on(FEW)


async def rows_of(orders: Queue) -> dict[str, GroupRow]:
    """The groups of the queue in the list of all."""
    rows = (await orders.client.get("/api/v1/consumer-groups")).as_(list[GroupRow])
    return {row.name: row for row in rows if row.queue_name == orders.name}


@pytest.fixture
def group(orders: Queue) -> str:
    """A group that reads no other test's queue."""
    return f"g-{orders.name}"


def path_of(group: str, orders: Queue | None = None) -> str:
    place = f"/api/v1/consumer-groups/{segment(group)}"
    return place if orders is None else f"{place}/queues/{orders.path}"


def places(answer: Answer) -> list[tuple[str, str]]:
    """The name and the queue of each row; what else it tells, as a lag in seconds, changes by itself."""
    return [(row.name, row.queue_name) for row in answer.as_(list[GroupRow])]


async def consume(orders: Queue, group: str, count: int) -> list[str]:
    """Pop and commit."""
    messages = await orders.pop(count, consumerGroup=group)
    await orders.client.ack(*map(item, messages), group=group)
    return ids(messages)


async def seek(orders: Queue, group: str, **where: object) -> Sought:
    return (await orders.client.post(path_of(group, orders) + "/seek", where)).as_(Sought)


@covers(LIST)
async def test_the_list_has_each_group_of_each_queue(client: Client, orders: Queue, group: str) -> None:
    """One row for a group and a queue; queue mode is one of them."""
    for partition in "12":
        await orders.push("a", "b", partition=partition)
    await orders.pop(partition="1", autoAck="true", batch=2)
    await orders.pop(consumerGroup=group, subscriptionMode="new")
    rows = await rows_of(orders)
    assert rows.keys() == {"__QUEUE_MODE__", group}
    row = rows[group]
    assert row.topics == [orders.name]
    assert row.subscription_mode == "new"
    assert row.subscription_timestamp is not None
    assert rows["__QUEUE_MODE__"].partitions_with_lag == 1


@covers(LIST)
async def test_the_list_comes_in_true_pages(client: Client, orders: Queue, group: str) -> None:
    """The array has no room for its length: X-Total-Count says it."""
    await orders.pop(consumerGroup=group)
    await orders.pop(consumerGroup=group + "-2")
    everything = places(await client.get("/api/v1/consumer-groups?limit=10000"))
    answer = await client.get("/api/v1/consumer-groups?limit=2&offset=1")
    assert places(answer) == everything[1:3]
    assert int(answer.headers["x-total-count"]) == len(everything)


@covers(LIST)
async def test_a_group_without_lag_is_stable(orders: Queue, group: str) -> None:
    await orders.push("a", "b")
    await consume(orders, group, 2)
    row = (await rows_of(orders))[group]
    assert (row.members, row.partitions_with_lag, row.state) == (1, 0, "Stable")


@covers(LIST)
async def test_a_group_that_has_consumed_nothing_is_dead(orders: Queue, group: str) -> None:
    await orders.push("a")
    await orders.pop(consumerGroup=group)
    row = (await rows_of(orders))[group]
    assert (row.partitions_with_lag, row.state) == (1, "Dead")


@covers(ONE_GROUP)
async def test_one_group_shows_its_partitions_by_queue(client: Client, orders: Queue, group: str) -> None:
    other = Queue(client, orders.name + "-other")
    await orders.push("a", "b", "c")
    await other.push("a")
    await consume(orders, group, 1)
    [leased] = await orders.pop(consumerGroup=group)
    await consume(other, group, 1)
    queues = (await client.get(path_of(group))).as_(dict[str, GroupOnQueue])
    assert queues.keys() == {orders.name, other.name}
    [here] = queues[orders.name].partitions
    assert (here.partition, here.offset_lag, here.total_consumed) == ("Default", 2, 1)
    assert (here.lease_active, here.worker_id) == (True, leased.lease_id)
    assert here.last_consumed_at is not None
    [there] = queues[other.name].partitions
    assert (there.offset_lag, there.lease_active, there.worker_id) == (0, False, None)


@covers(ONE_GROUP)
async def test_a_group_that_does_not_exist_reads_nothing(client: Client, group: str) -> None:
    answer = await client.get(path_of(group))
    assert (answer.status, answer.json) == (200, {})


@covers(ONE_GROUP)
async def test_lagging_is_no_group(client: Client) -> None:
    """Upstream's list of lagging groups is out of scope: 404, not a group of that name."""
    assert (await client.get("/api/v1/consumer-groups/lagging?minLagSeconds=60")).status == 404


@covers(DELETE)
async def test_a_deleted_group_starts_anew(client: Client, orders: Queue, group: str) -> None:
    """With deleteMetadata=true where it subscribed is forgotten as well."""
    other = Queue(client, orders.name + "-other")
    await other.push("x")
    await orders.push("old")
    await orders.pop(consumerGroup=group, subscriptionMode="new")
    await orders.push("a")
    assert await consume(orders, group, 9) == ["a"]
    assert await consume(other, group, 9) == ["x"]
    answer = (await client.delete(path_of(group) + "?deleteMetadata=true")).as_(GroupDeleted)
    assert (answer.consumer_group, answer.deleted_partitions, answer.metadata_deleted) == (group, 2, True)
    assert group not in await rows_of(orders)
    assert await consume(orders, group, 9) == ["old", "a"]
    assert await consume(other, group, 9) == ["x"]


@covers(DELETE)
async def test_a_group_that_is_deleted_without_its_metadata_starts_where_it_subscribed(
    client: Client, orders: Queue, group: str
) -> None:
    await orders.push("old")
    await orders.pop(consumerGroup=group, subscriptionMode="new")
    await orders.push("a", "b")
    assert await consume(orders, group, 9) == ["a", "b"]
    answer = (await client.delete(path_of(group) + "?deleteMetadata=false")).as_(GroupDeleted)
    assert (answer.deleted_partitions, answer.metadata_deleted) == (1, False)
    assert await consume(orders, group, 9) == ["a", "b"]


@covers(DELETE_ON_QUEUE)
async def test_a_group_may_be_deleted_on_one_queue(client: Client, orders: Queue, group: str) -> None:
    other = Queue(client, orders.name + "-other")
    for queue in (orders, other):
        await queue.push("a")
        assert await consume(queue, group, 9) == ["a"]
    answer = (await client.delete(path_of(group, orders) + "?deleteMetadata=true")).as_(GroupDeleted)
    assert (answer.consumer_group, answer.queue_name) == (group, orders.name)
    assert (answer.deleted_partitions, answer.metadata_deleted) == (1, True)
    assert await consume(orders, group, 9) == ["a"]
    assert await consume(other, group, 9) == []


@covers(DELETE, DELETE_ON_QUEUE)
async def test_deleting_a_group_that_does_not_exist_is_done(
    client: Client, orders: Queue, group: str
) -> None:
    for path in (path_of(group), path_of(group, orders)):
        answer = (await client.delete(path)).as_(GroupDeleted)
        assert answer.deleted_partitions == 0


@covers(DELETE)
async def test_deleting_a_group_ends_its_leases_and_no_others(
    client: Client, orders: Queue, group: str
) -> None:
    await orders.push("a")
    [mine] = await orders.pop(consumerGroup=group)
    [other] = await orders.pop()
    await client.delete(path_of(group) + "?deleteMetadata=true")
    assert not (await client.ack_one(item(mine), group=group)).success
    assert (await client.ack_one(item(other))).success
    assert ids(await orders.pop(consumerGroup=group)) == ["a"]


@covers(SEEK)
async def test_a_seek_to_the_end_skips_what_is_there(orders: Queue, group: str) -> None:
    for partition in "12":
        await orders.push("a", partition=partition)
    assert len(await orders.pop(9, consumerGroup=group, partitions=9, autoAck="true")) == 2
    for partition in "12":
        await orders.push("b", "c", partition=partition)
    sought = await seek(orders, group, toEnd=True)
    assert (sought.consumer_group, sought.queue_name) == (group, orders.name)
    assert (sought.seek_to_end, sought.target_timestamp, sought.partitions_updated) == (True, None, 2)
    assert await consume(orders, group, 9) == []
    await orders.push("d", partition="1")
    assert await consume(orders, group, 9) == ["d"]


@covers(SEEK)
async def test_a_seek_to_a_time_delivers_what_came_after_it(orders: Queue, group: str) -> None:
    """The last message that is not younger than the time is passed; the next delivery is the one after."""
    for each in "abc":
        await orders.push(each)
    messages = await orders.pop(3, consumerGroup=group, autoAck="true")
    moment = messages[1].created_at
    sought = await seek(orders, group, timestamp=moment)
    assert (sought.seek_to_end, sought.partitions_updated) == (False, 1)
    assert datetime.fromisoformat(sought.target_timestamp or "") == datetime.fromisoformat(moment)
    assert await consume(orders, group, 9) == ["c"]
    long_ago = (datetime.fromisoformat(messages[0].created_at) - timedelta(days=1)).isoformat()
    await seek(orders, group, timestamp=long_ago)
    assert await consume(orders, group, 9) == ["a", "b", "c"]


@covers(SEEK)
async def test_a_seek_ends_leases(client: Client, orders: Queue, group: str) -> None:
    await orders.push("a", "b")
    [a] = await orders.pop(consumerGroup=group)
    long_ago = (datetime.fromisoformat(a.created_at) - timedelta(days=1)).isoformat()
    await seek(orders, group, timestamp=long_ago)
    assert (await client.ack_one(item(a), group=group)).error == "Invalid or expired lease"
    assert await consume(orders, group, 9) == ["a", "b"]


@covers(SEEK)
async def test_a_seek_moves_its_group_alone(orders: Queue, group: str) -> None:
    await orders.push("a")
    for each in (group, "another"):
        await orders.pop(consumerGroup=each, partition="elsewhere")
    await seek(orders, group, toEnd=True)
    assert await consume(orders, "another", 9) == ["a"]


@covers(SEEK)
async def test_a_group_that_does_not_exist_moves_nowhere(orders: Queue, group: str) -> None:
    await orders.push("a")
    assert (await seek(orders, group, toEnd=True)).partitions_updated == 0
    assert await consume(orders, group, 9) == ["a"]


@covers(SEEK_PARTITION)
async def test_one_partition_may_be_moved_to_its_end(client: Client, orders: Queue, group: str) -> None:
    for partition in "12":
        await orders.push("a", partition=partition)
    await orders.pop(9, consumerGroup=group, partitions=9, autoAck="true")
    for partition in "12":
        await orders.push("b", partition=partition)
    answer = await client.post(f"{path_of(group, orders)}/partitions/1/seek", {"toEnd": True})
    sought = answer.as_(PartitionSought)
    assert (sought.consumer_group, sought.queue_name, sought.partition_name) == (group, orders.name, "1")
    assert sought.updated
    left = await orders.pop(9, consumerGroup=group, partitions=9)
    assert [(one.partition, one.transaction_id) for one in left] == [("2", "b")]


@covers(SEEK_PARTITION)
async def test_a_partition_is_moved_without_a_body(client: Client, orders: Queue, group: str) -> None:
    """To the end is the only place, so nothing need be said."""
    await orders.push("a")
    await orders.pop(consumerGroup=group, partition="elsewhere")
    answer = await client.post(f"{path_of(group, orders)}/partitions/Default/seek")
    assert answer.as_(PartitionSought).partition_name == "Default"


@covers(SEEK_PARTITION)
async def test_a_partition_that_does_not_exist_is_404(client: Client, orders: Queue, group: str) -> None:
    await orders.push("a")
    answer = await client.post(f"{path_of(group, orders)}/partitions/never/seek", {"toEnd": True})
    assert (answer.status, answer.error) == (404, "Partition not found")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "Must specify either"),
        ({"toEnd": False}, "Must specify either"),
        ({"toEnd": "yes"}, "toEnd"),
        ({"timestamp": 7}, "timestamp"),
        ({"timestamp": "yesterday"}, "timestamp"),
        (b"{", "Invalid JSON"),
    ],
)
@covers(SEEK)
async def test_a_seek_to_nowhere_is_refused(
    client: Client, orders: Queue, group: str, body: object, said: str
) -> None:
    answer = await client.post(path_of(group, orders) + "/seek", body)
    assert answer.status == 400
    assert said in answer.error


@covers(DELETE, SEEK)
async def test_a_name_that_can_be_none_is_refused(client: Client, orders: Queue) -> None:
    for answer in (
        await client.delete("/api/v1/consumer-groups/" + "g" * 256),
        await client.post(path_of("g" * 256, orders) + "/seek", {"toEnd": True}),
    ):
        assert answer.status == 400
        assert "longer than 255" in answer.error
