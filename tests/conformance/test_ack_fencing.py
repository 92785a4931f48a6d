"""Which message an ack means, and whether whoever sends it may: rules 1 to 3 of docs/ack.md."""

import pytest

from .client import DONE, NOBODY, Client, Queue, ids, item, outcomes
from .marks import covers

ACK = "POST /api/v1/ack"
INVALID = "Invalid or expired lease"

pytestmark = covers("POST /api/v1/ack/batch")


@covers(ACK)
async def test_an_unknown_message_is_refused_and_nothing_else_changes(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    unknown, known = await client.ack(item(a, "failed", transactionId="never"), item(a))
    assert not unknown.success
    assert "unresolved transactionId" in (unknown.error or "")
    assert (known.success, known.lease_released) == (True, False)
    alone = await client.ack_one(item(b, transactionId="never"))
    assert "unresolved transactionId" in (alone.error or "")
    assert await orders.pop() == [], "the lease lives on"
    assert (await client.ack_one(item(b))).lease_released


async def test_a_message_of_another_partition_is_unknown_in_this_one(client: Client, orders: Queue) -> None:
    await orders.push("a", partition="1")
    [other] = await orders.push("b", partition="2")
    [a] = await orders.pop(partition="1")
    [refused] = await client.ack(item(a, partitionId=other.partition_id))
    assert "unresolved transactionId" in (refused.error or "")
    [refused] = await client.ack(item(a, partitionId=NOBODY))
    assert "unresolved transactionId" in (refused.error or "")


async def test_the_same_id_in_two_partitions_is_two_messages(client: Client, orders: Queue) -> None:
    await orders.push("t", partition="1")
    await orders.push("t", partition="2")
    [one] = await orders.pop(partition="1")
    [two] = await orders.pop(partition="2")
    assert outcomes(await client.ack(item(one))) == [DONE]
    assert await orders.pop(partition="2") == [], "the other lease lives on"
    assert outcomes(await client.ack(item(two))) == [DONE]


@covers(ACK)
async def test_a_retried_ack_is_a_noop_not_an_error(client: Client, orders: Queue) -> None:
    """An ack whose answer was lost can be sent again: what is committed is judged before the lease."""
    await orders.push("a", "b")
    messages = await orders.pop(2)
    first = await client.ack(*map(item, messages))
    assert [one.noop for one in first] == [None, None]
    again = await client.ack(*map(item, messages))
    assert outcomes(again) == [DONE, DONE]
    assert [one.noop for one in again] == [True, True]
    with_another_lease = await client.ack_one(item(messages[0], leaseId=NOBODY))
    assert (with_another_lease.success, with_another_lease.noop) == (True, True)
    with_no_lease = await client.ack_one(item(messages[0], leaseId=None))
    assert (with_no_lease.success, with_no_lease.noop) == (True, True)


@pytest.mark.parametrize("status", ["completed", "failed", "retry", "dlq"])
@pytest.mark.parametrize("lease", [NOBODY, "not a uuid"])
async def test_a_lease_that_does_not_live_is_refused_and_changes_nothing(
    client: Client, orders: Queue, status: str, lease: str
) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    [refused] = await client.ack(item(a, status, leaseId=lease))
    assert outcomes([refused]) == [(False, INVALID)]
    assert await orders.pop() == []
    [acked] = await client.ack(item(a))
    assert (acked.success, acked.noop, acked.lease_released) == (True, None, True)


async def test_a_lease_of_another_group_or_partition_does_not_count(client: Client, orders: Queue) -> None:
    await orders.push("a", partition="1")
    await orders.push("b", partition="2")
    [a] = await orders.pop(partition="1")
    [b] = await orders.pop(partition="2")
    [other] = await orders.pop(partition="1", consumerGroup="g")
    assert outcomes(await client.ack(item(a, leaseId=b.lease_id))) == [(False, INVALID)]
    assert outcomes(await client.ack(item(a, leaseId=other.lease_id))) == [(False, INVALID)]
    assert outcomes(await client.ack(item(a), group="g")) == [(False, INVALID)]
    assert outcomes(await client.ack(item(a), item(b))) == [DONE, DONE]


async def test_an_old_lease_does_not_count_against_a_new_one(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [old] = await orders.pop()
    await client.ack(item(old, "retry"))
    [new] = await orders.pop()
    assert outcomes(await client.ack(item(old))) == [(False, INVALID)]
    assert outcomes(await client.ack(item(new))) == [DONE]


@pytest.mark.parametrize("nothing", [None, ""])
@covers(ACK)
async def test_without_a_lease_an_ack_is_refused_while_one_lives(
    client: Client, orders: Queue, nothing: str | None
) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    refused = await client.ack_one(item(a, leaseId=nothing))
    assert outcomes([refused]) == [(False, INVALID)]
    assert await orders.pop() == []
    await client.ack(item(a, "retry"))
    acked = await client.ack_one(item(a, leaseId=nothing))
    assert (acked.success, acked.noop) == (True, None)
    assert await orders.pop() == []


async def test_an_ack_beyond_what_the_lease_handed_out_is_refused(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c")
    a, b = await orders.pop(2)
    beyond = await client.ack(item(b, transactionId="c"))
    assert outcomes(beyond) == [(False, INVALID)]
    assert outcomes(await client.ack(item(a), item(b))) == [DONE, DONE]
    assert ids(await orders.pop(9)) == ["c"]


async def test_a_group_that_never_popped_gets_no_silent_success(client: Client, orders: Queue) -> None:
    """Upstream says success and stores nothing."""
    await orders.push("a")
    [a] = await orders.pop()
    [refused] = await client.ack(item(a, leaseId=None), group="never")
    assert not refused.success
    assert refused.error
    assert ids(await orders.pop(consumerGroup="never")) == ["a"]


@covers(ACK)
async def test_the_group_stands_at_the_top(client: Client, orders: Queue) -> None:
    """In a batch an item's own consumerGroup is ignored."""
    await orders.push("a")
    [a] = await orders.pop(consumerGroup="g")
    assert outcomes(await client.ack(item(a, consumerGroup="another"), group="g")) == [DONE]
    assert await orders.pop(consumerGroup="g") == []
    assert ids(await orders.pop()) == ["a"], "queue mode has a position of its own"
