"""Leases: how long they last, and POST /api/v1/lease/{leaseId}/extend."""

import re
from datetime import UTC, datetime

import pytest

from .answers import Extended
from .client import NOBODY, Client, Queue, ids, item
from .marks import FEW, covers, on

pytestmark = covers("POST /api/v1/lease/{leaseId}/extend")


async def extend(client: Client, lease_id: str, body: object = None) -> Extended:
    return (await client.post(f"/api/v1/lease/{lease_id}/extend", body)).as_(Extended)


def seconds_left(extended: Extended) -> float:
    """From now to the new end, by this machine's clock, which is the database's as well."""
    assert extended.expires_at is not None
    return (datetime.fromisoformat(extended.expires_at) - datetime.now(UTC)).total_seconds()


async def test_an_extension_is_one_object_with_every_name_that_clients_read(
    client: Client, orders: Queue
) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    extended = await extend(client, a.lease_id, {"seconds": 600})
    assert (extended.success, extended.renewed, extended.error) == (True, 1, None)
    assert extended.lease_id == a.lease_id
    assert extended.expires_at == extended.new_expires_at == extended.lease_expires_at
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", extended.expires_at or "")
    assert 590 < seconds_left(extended) <= 600


@pytest.mark.parametrize("body", [None, {}])
async def test_without_a_body_it_is_60_seconds(client: Client, orders: Queue, body: object) -> None:
    await orders.configure(leaseTime=5)
    await orders.push("a")
    [a] = await orders.pop()
    assert 50 < seconds_left(await extend(client, a.lease_id, body)) <= 60


async def test_an_extension_never_shortens(client: Client, orders: Queue) -> None:
    """The new end is the later one of the old end and now + seconds."""
    await orders.push("a")
    [a] = await orders.pop()
    extended = await extend(client, a.lease_id, {"seconds": 5})
    assert extended.success
    assert seconds_left(extended) > 290


async def test_all_partitions_of_a_lease_are_extended(client: Client, orders: Queue) -> None:
    for partition in "123":
        await orders.push("a", partition=partition)
    delivery = await orders.deliver(batch=9, partitions=3)
    await client.ack(item(delivery.messages[0]))
    assert (await extend(client, delivery.lease_id)).renewed == 2


async def test_a_lease_that_was_acked_or_never_was_is_not_found(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    await client.ack(item(a))
    for lease in (a.lease_id, NOBODY, "not-a-uuid"):
        extended = await extend(client, lease)
        assert (extended.success, extended.renewed, extended.error) == (False, 0, "Lease not found")
        assert extended.expires_at is extended.new_expires_at is extended.lease_expires_at is None


@on(FEW)
async def test_a_lease_that_ran_out_is_refused_and_stays_out(client: Client, orders: Queue) -> None:
    await orders.configure(leaseTime=1)
    await orders.push("a")
    [a] = await orders.pop()
    await orders.configure(leaseTime=60)
    again = await orders.pop(wait="true", timeout=5000)
    assert ids(again) == ["a"]
    refused = await extend(client, a.lease_id)
    assert not refused.success
    assert refused.error in ("Lease already expired", "Lease not found")
    assert (await extend(client, again[0].lease_id)).success


@on(FEW)
async def test_an_extended_lease_outlives_its_old_end(client: Client, orders: Queue) -> None:
    await orders.configure(leaseTime=2)  # longer than it takes to ask for more
    await orders.push("a", partition="1")
    await orders.push("b", partition="2")
    [a] = await orders.pop(partition="1")
    assert (await extend(client, a.lease_id, {"seconds": 60})).success
    [b] = await orders.pop(partition="2")
    assert ids(await orders.pop(9, partitions=2, wait="true", timeout=5000)) == ["b"], "b's lease ran out"
    assert await orders.pop(partition="1") == []
    assert (await client.ack_one(item(a))).success
    assert (await client.ack_one(item(b))).error == "Invalid or expired lease"


@on(FEW)
@covers("POST /api/v1/ack")
async def test_an_ack_after_the_lease_ran_out_is_refused_and_the_message_comes_again(
    client: Client, orders: Queue
) -> None:
    """A lease that expires is counted apart from `failed`, and never leads to a dead letter."""
    await orders.configure(leaseTime=1, retryLimit=0)
    await orders.push("a")
    [late] = await orders.pop()
    for expiries, lease_s in ((1, 1), (2, 60)):
        await orders.configure(leaseTime=lease_s, retryLimit=0)
        [again] = await orders.pop(wait="true", timeout=5000)
        assert (again.transaction_id, again.retry_count, again.lease_expiries) == ("a", 0, expiries)
        refused = await client.ack_one(item(late))
        assert (refused.success, refused.error) == (False, "Invalid or expired lease")
    acked = await client.ack_one(item(again))
    assert (acked.success, acked.noop, acked.dlq) == (True, None, False)


@on(FEW)
@pytest.mark.parametrize("seconds", [0, -1, "60", None, 1.5, 10**12, [], True])
async def test_seconds_that_are_none_are_refused_by_name(client: Client, seconds: object) -> None:
    answer = await client.post(f"/api/v1/lease/{NOBODY}/extend", {"seconds": seconds})
    assert answer.status == 400
    assert "seconds" in answer.error


@on(FEW)
async def test_a_body_that_is_no_json_is_refused(client: Client) -> None:
    answer = await client.post(f"/api/v1/lease/{NOBODY}/extend", b"{")
    assert answer.status == 400
    assert "Invalid JSON" in answer.error
