"""An ack commits a position, which never moves back; a lease ends with it: rules 4 and 7 of docs/ack.md."""

from .client import DONE, Client, Queue, ids, item, outcomes
from .marks import covers

ACK = "POST /api/v1/ack"

pytestmark = covers("POST /api/v1/ack/batch")


@covers(ACK)
async def test_an_ack_commits_everything_up_to_its_message(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c", "d")
    messages = await orders.pop(3)
    acked = await client.ack_one(item(messages[2]))
    assert (acked.success, acked.noop, acked.lease_released) == (True, None, True)
    assert ids(await orders.pop(9)) == ["d"]


async def test_acks_in_reverse_order_do_not_move_the_position_back(client: Client, orders: Queue) -> None:
    """Upstream delivers b and c again."""
    await orders.push("a", "b", "c")
    messages = await orders.pop(3)
    acked = [await client.ack_one(item(message)) for message in reversed(messages)]
    assert outcomes(acked) == [DONE, DONE, DONE]
    assert [one.noop for one in acked] == [None, True, True]
    assert await orders.pop() == []


@covers(ACK)
async def test_a_late_ack_neither_rewinds_nor_ends_anothers_lease(client: Client, orders: Queue) -> None:
    """Upstream rewinds, and releases the live lease."""
    await orders.push("a", "b")
    [a] = await orders.pop()
    await client.ack(item(a))
    [b] = await orders.pop()
    late = await client.ack_one(item(a, leaseId=None))
    assert (late.success, late.noop, late.lease_released) == (True, True, False)
    assert await orders.pop() == []
    assert (await client.ack_one(item(b))).success


async def test_the_same_message_twice_in_a_request_counts_once(client: Client, orders: Queue) -> None:
    """Upstream counts it twice and releases the lease early."""
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    acked = await client.ack(item(a), item(a))
    assert outcomes(acked) == [DONE, DONE]
    assert not any(one.lease_released for one in acked)
    assert await orders.pop() == []
    assert (await client.ack_one(item(b))).lease_released


async def test_partitions_of_one_request_do_not_touch_each_other(client: Client, orders: Queue) -> None:
    for partition in "12":
        await orders.push("a", "b", partition=partition)
    delivery = await orders.deliver(batch=4, partitions=2)
    first = delivery.messages[0].partition
    acked = await client.ack(
        *(item(one, "failed" if one.partition == first else "completed") for one in delivery.messages)
    )
    assert outcomes(acked) == [DONE] * 4
    again = await orders.pop(9, partitions=2)
    assert [(one.partition, one.transaction_id) for one in again] == [(first, "a"), (first, "b")]


@covers(ACK)
async def test_a_lease_ends_with_the_last_message_that_it_handed_out(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c")
    a, b = await orders.pop(2)
    assert not (await client.ack_one(item(a))).lease_released
    assert await orders.pop() == []
    assert (await client.ack_one(item(b))).lease_released
    assert ids(await orders.pop()) == ["c"]


async def test_each_partition_of_a_lease_ends_by_itself(client: Client, orders: Queue) -> None:
    for partition in "12":
        await orders.push("a", "b", partition=partition)
    delivery = await orders.deliver(batch=4, partitions=2)
    first = [one for one in delivery.messages if one.partition == "1"]
    acked = await client.ack(*map(item, first))
    assert [one.lease_released for one in acked] in ([False, True], [True, True])
    await orders.push("c", partition="1")
    await orders.push("c", partition="2")
    assert [(one.partition, one.transaction_id) for one in await orders.pop(9, partitions=2)] == [("1", "c")]
