"""GET /api/v1/pop/…: messages under a lease, in the order of their partition."""

import re
from urllib.parse import quote

import pytest

from .answers import Delivery, Message
from .client import Client, Queue, ids, item
from .marks import FEW, covers, on

POP_QUEUE = "GET /api/v1/pop/queue/{queue}"
POP_PARTITION = "GET /api/v1/pop/queue/{queue}/partition/{partition}"

pytestmark = covers(POP_QUEUE)


async def test_a_delivery_says_what_it_is(client: Client, orders: Queue) -> None:
    """A delivery names queue, partition, group and lease, and each message carries its own."""
    [pushed] = await client.push(orders.message("t", "p", payload={"n": 1}))
    delivery = await orders.deliver()
    assert (delivery.queue, delivery.partition, delivery.partitions_claimed) == (orders.name, "p", 1)
    assert delivery.consumer_group == "__QUEUE_MODE__"
    [message] = delivery.messages
    assert message == Message(
        id=pushed.message_id,
        transaction_id="t",
        trace_id=None,
        data={"n": 1},
        producer_sub=None,
        created_at=message.created_at,
        partition_id=pushed.partition_id,
        partition="p",
        lease_id=delivery.lease_id,
        consumer_group="__QUEUE_MODE__",
        retry_count=0,
        lease_expiries=0,
    )
    assert delivery.partition_id == message.partition_id
    assert delivery.lease_id


async def test_created_at_has_microseconds_and_is_utc(orders: Queue) -> None:
    await orders.push("t")
    [message] = await orders.pop()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", message.created_at)


@pytest.mark.parametrize("partition", [None, "Default"])
@covers(POP_PARTITION)
async def test_nothing_is_204_without_a_body(orders: Queue, partition: str | None) -> None:
    await orders.configure()
    answer = await orders.pop_answer(partition)
    assert (answer.status, answer.raw) == (204, b"")


@pytest.mark.parametrize("partition", [None, "p"])
@covers(POP_PARTITION)
async def test_what_does_not_exist_is_empty_not_an_error(orders: Queue, partition: str | None) -> None:
    assert (await orders.pop_answer(partition)).status == 204


async def test_a_batch_is_one_message_unless_asked_otherwise(orders: Queue) -> None:
    await orders.push("a", "b")
    assert len((await orders.deliver()).messages) == 1


async def test_autopilot_leaves_the_batch_to_the_server(orders: Queue) -> None:
    """autopilot=true without a batch is a batch of 100; a batch that is given counts."""
    await orders.push(*(str(number) for number in range(150)))
    assert len((await orders.deliver(autopilot=True)).messages) == 100
    assert len((await orders.deliver(autopilot=True, batch=7, consumerGroup="other")).messages) == 7


@pytest.mark.parametrize(
    ("given", "brought"), [("2", 2), ("0", 1), ("-5", 1), ("x", 1), ("", 1), ("1.5", 1), ("9" * 30, 5)]
)
@on(FEW)
async def test_a_batch_that_is_no_number_is_the_default_and_one_out_of_bounds_is_clamped(
    orders: Queue, given: str, brought: int
) -> None:
    await orders.push("a", "b", "c", "d", "e")
    assert len((await orders.deliver(batch=given)).messages) == brought


@on(FEW)
async def test_parameters_that_we_do_not_know_are_ignored(orders: Queue) -> None:
    await orders.push("t")
    delivery = await orders.deliver(conflation=True, frames=True, namespace="n", task="t", nonsense="?")
    assert ids(delivery.messages) == ["t"]


@pytest.mark.parametrize("word", ["true", "1"])
@on(FEW)
async def test_true_and_1_are_yes(orders: Queue, word: str) -> None:
    await orders.push("t")
    assert (await orders.deliver(autoAck=word)).lease_id == ""


@pytest.mark.parametrize("word", ["false", "0", "", "yes", "TRUE"])
@on(FEW)
async def test_every_other_word_is_no(orders: Queue, word: str) -> None:
    await orders.push("t")
    assert (await orders.deliver(autoAck=word)).lease_id != ""


async def test_a_leased_partition_gives_its_group_nothing_more(orders: Queue) -> None:
    """A live lease blocks its group on that partition, by whichever route it asks."""
    await orders.push("a", "b")
    assert ids(await orders.pop()) == ["a"]
    assert await orders.pop() == []
    assert await orders.pop(partition="Default") == []


@covers(POP_PARTITION)
async def test_a_lease_blocks_neither_other_groups_nor_other_partitions(orders: Queue) -> None:
    await orders.push("a", partition="1")
    await orders.push("b", partition="2")
    assert ids(await orders.pop(partition="1")) == ["a"]
    assert ids(await orders.pop()) == ["b"]
    assert ids(await orders.pop(partition="1", consumerGroup="g")) == ["a"]
    assert ids(await orders.pop(partition="2", consumerGroup="g")) == ["b"]


async def test_pushes_go_on_while_a_lease_lives(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [leased] = await orders.pop(10)
    await orders.push("b")
    [acked] = await client.ack(item(leased))
    assert acked.lease_released
    assert ids(await orders.pop(10)) == ["b"]


async def test_every_group_gets_every_message(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    for group in (None, "g1", "g2"):
        query = {"consumerGroup": group} if group else {}
        messages = await orders.pop(10, **query)
        assert ids(messages) == ["a", "b"]
        assert {message.consumer_group for message in messages} == {group or "__QUEUE_MODE__"}
        await client.ack(*map(item, messages), group=group)
        assert await orders.pop(10, **query) == []


@pytest.mark.parametrize("name", ["", "__QUEUE_MODE__"])
@on(FEW)
async def test_no_group_is_queue_mode(orders: Queue, name: str) -> None:
    await orders.push("a")
    await orders.pop(autoAck="true", consumerGroup=name)
    assert await orders.pop() == []


@covers(POP_PARTITION)
async def test_a_partition_that_is_named_gives_only_its_own(orders: Queue) -> None:
    await orders.push("a", partition="1")
    await orders.push("b", partition="2")
    delivery = await orders.deliver("2", batch=10, partitions=10)
    assert (ids(delivery.messages), delivery.partition, delivery.partitions_claimed) == (["b"], "2", 1)


async def test_one_partition_is_claimed_unless_asked_otherwise(orders: Queue) -> None:
    await orders.push("a", partition="1")
    await orders.push("b", partition="2")
    assert len(await orders.pop(10)) == 1
    assert len(await orders.pop(10)) == 1


async def test_several_partitions_come_under_one_lease_each_in_order(orders: Queue) -> None:
    """A pop of several partitions has one lease, groups its messages by partition, each in its order."""
    for number in range(3):
        for partition in "xyz":
            await orders.push(f"{partition}{number}", partition=partition)
    delivery = await orders.deliver(batch=100, partitions=2)
    assert delivery.partitions_claimed == 2
    assert {message.lease_id for message in delivery.messages} == {delivery.lease_id}
    assert delivery.messages[0].partition == delivery.partition
    claimed = list(dict.fromkeys(message.partition for message in delivery.messages))
    assert ids(delivery.messages) == [f"{partition}{number}" for partition in claimed for number in range(3)]
    [left] = set("xyz") - set(claimed)
    assert ids(await orders.pop(100, partitions=9)) == [f"{left}{number}" for number in range(3)]


async def test_the_batch_is_the_cap_over_all_partitions(orders: Queue) -> None:
    for partition in "xyz":
        await orders.push("1", "2", partition=partition)
    delivery = await orders.deliver(batch=3, partitions=3)
    assert (len(delivery.messages), delivery.partitions_claimed) == (3, 2)


async def test_what_was_not_handed_out_of_a_partition_waits_for_its_lease_to_end(
    client: Client, orders: Queue
) -> None:
    await orders.push("a", "b", "c")
    first = await orders.pop(2)
    assert await orders.pop(2) == []
    await client.ack(*map(item, first))
    assert ids(await orders.pop(2)) == ["c"]


@covers(POP_PARTITION)
async def test_auto_ack_commits_at_once_and_takes_no_lease(orders: Queue) -> None:
    await orders.push("a", "b", "c")
    delivery = await orders.deliver(batch=2, autoAck=True)
    assert (delivery.lease_id, ids(delivery.messages)) == ("", ["a", "b"])
    assert {message.lease_id for message in delivery.messages} == {""}
    assert ids(await orders.pop(2, "Default", autoAck="true")) == ["c"]
    assert await orders.pop() == []


async def test_every_pop_has_a_lease_of_its_own(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    [first] = await orders.pop()
    await client.ack(item(first))
    [second] = await orders.pop()
    assert first.lease_id != second.lease_id


@covers(POP_PARTITION)
async def test_names_in_a_path_are_decoded(client: Client, orders: Queue) -> None:
    """A name may hold slashes, percent signs, quotes, SQL, emoji and right-to-left text."""
    name = orders.name + "/b %41'; drop table queen.messages; -- \N{PILE OF POO} \u05d0"
    odd = Queue(client, name)
    await odd.push("t", partition=name)
    delivery = await odd.deliver(name)
    assert delivery.queue == delivery.partition == name


@on(FEW)
async def test_names_in_a_path_may_stand_as_they_are(client: Client, orders: Queue) -> None:
    """The published clients put names into the path unquoted."""
    name = orders.name + ":\u05d0"
    await Queue(client, name).push("t", partition=name)
    answer = await client.get(f"/api/v1/pop/queue/{name}/partition/{name}")
    assert answer.as_(Delivery).queue == name


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"/api/v1/pop/queue/{'q' * 256}", "queue is longer than 255 characters"),
        (f"/api/v1/pop/queue/q/partition/{'p' * 256}", "partition is longer than 255 characters"),
        (f"/api/v1/pop/queue/q?consumerGroup={'g' * 256}", "consumerGroup is longer than 255 characters"),
        ("/api/v1/pop/queue/q%00", "queue must not contain the character U+0000"),
        ("/api/v1/pop/queue/q?consumerGroup=g%00", "consumerGroup must not contain the character U+0000"),
        (
            "/api/v1/pop/queue/q?subscriptionFrom=yesterday",
            "subscriptionFrom must be an ISO 8601 time or now",
        ),
    ],
)
@on(FEW)
@covers(POP_PARTITION)
async def test_what_no_name_and_no_time_can_be_is_refused(client: Client, path: str, said: str) -> None:
    answer = await client.get(path)
    assert (answer.status, answer.error) == (400, said)


@pytest.mark.parametrize("path", ["/api/v1/pop/queue/%ff", "/api/v1/pop/queue/q/partition/%C3%28"])
@on(FEW)
@covers(POP_PARTITION)
async def test_a_path_that_is_not_utf_8_is_refused(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert answer.status == 400
    assert "UTF-8" in answer.error


@pytest.mark.parametrize("start", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
@on(FEW)
async def test_a_subscription_from_no_instant_is_refused(client: Client, start: str) -> None:
    answer = await client.get(f"/api/v1/pop/queue/q?subscriptionFrom={quote(start, safe='')}")
    assert (answer.status, answer.error) == (400, "subscriptionFrom must be an ISO 8601 time or now")


@on(FEW)
@covers(POP_PARTITION)
async def test_head_takes_no_messages(client: Client, orders: Queue) -> None:
    """A pop changes something, so it does not answer HEAD."""
    await orders.push("t")
    for path in (orders.pop_path(autoAck=True), orders.pop_path("Default", autoAck=True)):
        answer = await client.ask("HEAD", path)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, OPTIONS")
    assert ids(await orders.pop()) == ["t"]


async def test_what_was_pushed_is_there_at_once(orders: Queue) -> None:
    """A pop with wait=false right after a push sees the message, in a new partition as well."""
    for number in range(20):
        await orders.push(str(number), partition=str(number))
        assert ids(await orders.pop(wait="false", autoAck="true")) == [str(number)]
