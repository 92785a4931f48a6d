"""POST /api/v1/transaction: pushes and acks that happen together or not at all."""

import asyncio
from uuid import UUID

import pytest

from .answers import Message, Transacted
from .client import NOBODY, Client, Queue, ids, item
from .marks import FEW, covers, on

pytestmark = covers("POST /api/v1/transaction")


async def transact(client: Client, *operations: object, leases: tuple[str, ...] = ()) -> Transacted:
    body = {"operations": operations, "requiredLeases": leases}
    return (await client.post("/api/v1/transaction", body)).as_(Transacted)


def push(*items: dict[str, object]) -> dict[str, object]:
    return {"type": "push", "items": items}


def ack(message: Message, status: str = "completed", **more: object) -> dict[str, object]:
    return {"type": "ack", **item(message, status, **more)}


@pytest.fixture
def invoices(client: Client, orders: Queue) -> Queue:
    """Where the results of the work on orders go."""
    return Queue(client, orders.name + "-invoices")


async def test_a_message_is_taken_and_its_result_pushed_together(
    client: Client, orders: Queue, invoices: Queue
) -> None:
    await orders.push("o")
    [message] = await orders.pop()
    done = await transact(client, push(invoices.message("i", "p", payload=1)), ack(message))
    assert (done.success, done.error) == (True, None)
    assert UUID(done.transaction_id).version
    pushed, acked = done.results
    assert (pushed.index, pushed.type, pushed.success) == (0, "push", True)
    assert (pushed.transaction_id, pushed.queue_name) == ("i", invoices.name)
    assert (acked.index, acked.type, acked.success) == (1, "ack", True)
    assert (acked.transaction_id, acked.error, acked.dlq) == ("o", None, False)
    [invoice] = await invoices.pop()
    assert (invoice.id, invoice.partition_id) == (pushed.message_id, pushed.partition_id)
    assert (invoice.data, invoice.partition) == (1, "p")
    await client.ack(item(message, "completed"))
    assert await orders.pop() == []


async def test_a_push_may_stand_flat_or_as_items(client: Client, orders: Queue) -> None:
    flat = {"type": "push", **orders.message("a", payload={"n": 1})}
    done = await transact(client, flat, push(orders.message("b"), orders.message("c")))
    assert [(one.index, one.transaction_id) for one in done.results] == [(0, "a"), (1, "b"), (1, "c")]
    assert ids(await orders.pop(9)) == ["a", "b", "c"]


async def test_a_refused_ack_undoes_the_pushes(client: Client, orders: Queue, invoices: Queue) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    for refused, said in (
        (ack(a, leaseId=NOBODY), "Invalid or expired lease"),
        (ack(a, transactionId="never"), "unresolved transactionId"),
    ):
        done = await transact(client, push(invoices.message("i")), refused)
        assert not done.success
        assert (done.error or "").startswith("ACK operation failed: ")
        assert said in (done.error or "")
        assert [(one.index, one.type) for one in done.results] == [(0, "push")], "those before the failure"
    assert await invoices.pop() == []
    [pushed] = await invoices.push("i")
    assert pushed.status == "queued", "its transactionId is still free"


async def test_a_refused_ack_undoes_the_other_acks(client: Client, orders: Queue) -> None:
    await orders.push("a", partition="1")
    await orders.push("b", partition="2")
    [a] = await orders.pop(partition="1")
    [b] = await orders.pop(partition="2")
    done = await transact(client, ack(a), ack(b, leaseId=NOBODY))
    assert (done.success, [one.transaction_id for one in done.results]) == (False, ["a"])
    assert (await client.ack_one(item(a))).noop is None, "a's ack did not happen, and its lease lives"
    assert (await client.ack_one(item(b))).noop is None


async def test_operations_may_stand_in_any_order(client: Client, orders: Queue, invoices: Queue) -> None:
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    done = await transact(client, ack(b), push(invoices.message("i")), ack(a))
    assert [(one.index, one.transaction_id) for one in done.results] == [(0, "b"), (1, "i"), (2, "a")]
    assert await orders.pop() == []


async def test_a_duplicate_does_not_undo_the_whole(client: Client, orders: Queue, invoices: Queue) -> None:
    [stored] = await invoices.push("i")
    await orders.push("o")
    [message] = await orders.pop()
    done = await transact(client, push(invoices.message("i"), invoices.message("j")), ack(message))
    assert done.success
    assert done.results[0].message_id == stored.message_id
    assert ids(await invoices.pop(9)) == ["i", "j"]


async def test_failed_is_the_failed_of_an_ack(client: Client, orders: Queue, invoices: Queue) -> None:
    """Upstream sends it straight to the dead letters."""
    await orders.configure(retryLimit=1)
    await orders.push("a")
    for attempt in range(2):
        [a] = await orders.pop()
        assert a.retry_count == attempt
        done = await transact(client, push(invoices.message(f"i{attempt}")), ack(a, "failed"))
        assert (done.success, done.results[1].dlq) == (True, attempt == 1)
    assert await orders.pop() == []
    assert ids(await invoices.pop(9)) == ["i0", "i1"]


async def test_retry_and_dlq_mean_what_they_mean_in_an_ack(client: Client, orders: Queue) -> None:
    """Upstream refuses `retry`."""
    await orders.push("a")
    [a] = await orders.pop()
    assert (await transact(client, ack(a, "retry"))).success
    [a] = await orders.pop()
    done = await transact(client, ack(a, "dlq"))
    assert (done.success, done.results[0].dlq) == (True, True)
    assert await orders.pop() == []


async def test_a_commit_behind_a_nack_undoes_the_whole(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    done = await transact(client, ack(a, "failed"), ack(b))
    assert not done.success
    assert "superseded" in (done.error or "")
    assert await orders.pop() == [], "the nack did not happen either: the lease lives"
    assert (await transact(client, ack(a), ack(b))).success


async def test_an_ack_of_what_is_committed_is_a_noop(client: Client, orders: Queue, invoices: Queue) -> None:
    """A transaction whose answer was lost can be sent again."""
    await orders.push("a")
    [a] = await orders.pop()
    for _ in range(2):
        assert (await transact(client, push(invoices.message("i")), ack(a))).success
    assert ids(await invoices.pop(9)) == ["i"]


async def test_the_groups_of_a_transaction_are_each_their_own(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [one] = await orders.pop(consumerGroup="g")
    [two] = await orders.pop(consumerGroup="h")
    done = await transact(client, ack(one, consumerGroup="g"), ack(two, consumerGroup="h", status="retry"))
    assert done.success
    assert await orders.pop(consumerGroup="g") == []
    assert ids(await orders.pop(consumerGroup="h")) == ["a"]


async def test_required_leases_must_all_live(client: Client, orders: Queue, invoices: Queue) -> None:
    await orders.push("a", partition="1")
    await orders.push("b", partition="2")
    [a] = await orders.pop(partition="1")
    [b] = await orders.pop(partition="2")
    await client.ack(item(b))
    for lease in (b.lease_id, NOBODY, "not a uuid"):
        done = await transact(client, push(invoices.message("i")), ack(a), leases=(a.lease_id, lease))
        assert (done.success, done.results) == (False, [])
        assert "lease" in (done.error or "")
    assert await invoices.pop() == []
    done = await transact(client, push(invoices.message("i")), ack(a), leases=(a.lease_id,))
    assert done.success
    assert ids(await invoices.pop()) == ["i"]


async def test_a_required_lease_guards_pushes_alone(client: Client, orders: Queue, invoices: Queue) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    assert (await transact(client, push(invoices.message("i")), leases=(a.lease_id,))).success
    await client.ack(item(a))
    assert not (await transact(client, push(invoices.message("j")), leases=(a.lease_id,))).success
    assert ids(await invoices.pop(9)) == ["i"]


async def test_an_ack_without_a_lease_is_made_under_the_required_one(client: Client, orders: Queue) -> None:
    """Clients of 0.15 name their leases once, for the whole transaction."""
    await orders.push("a")
    [a] = await orders.pop()
    assert not (await transact(client, ack(a, leaseId=None))).success
    assert (await transact(client, ack(a, leaseId=None), leases=(a.lease_id,))).success
    assert await orders.pop() == []


async def test_who_pops_with_auto_ack_names_no_lease(client: Client, orders: Queue, invoices: Queue) -> None:
    """The leaseId of an auto-acked message is empty, and so it comes back."""
    await orders.push("a")
    [a] = await orders.pop(autoAck="true")
    assert (await transact(client, push(invoices.message("i")), ack(a), leases=("",))).success


@covers("GET /api/v1/pop/queue/{queue}")
async def test_a_transaction_wakes_who_waits(client: Client, orders: Queue, invoices: Queue) -> None:
    """Its pushes wake a poll, and so does the lease that its ack ends."""
    await orders.push("a", "b")
    [a] = await orders.pop()
    polls = [asyncio.create_task(queue.pop(wait="true", timeout=20_000)) for queue in (orders, invoices)]
    done = await transact(client, push(invoices.message("i")), ack(a))
    assert done.success
    async with asyncio.timeout(5):
        assert [ids(await poll) for poll in polls] == [["b"], ["i"]]


async def test_a_type_that_we_do_not_know_fails_the_whole(client: Client, orders: Queue) -> None:
    done = await transact(client, push(orders.message("a")), {"type": "timer"})
    assert (done.success, done.error) == (False, "Unknown operation type: timer")
    assert await orders.pop() == []


async def test_a_missing_payload_is_what_it_is_in_a_push(client: Client, orders: Queue) -> None:
    await transact(client, push({"queue": orders.name}), {"type": "push", "queue": orders.name})
    assert [message.data for message in await orders.pop(9)] == [None, None]


@on(FEW)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Empty request body"),
        (b"{", "Invalid JSON"),
        ({}, "operations array required"),
        ({"operations": {}}, "operations array required"),
        ({"operations": []}, "operations array cannot be empty"),
        ({"operations": [{}]}, "type"),
        ({"operations": [{"type": 7}]}, "type"),
        ({"operations": [{"type": "push", "items": [{}]}]}, "Queue must be a string"),
        ({"operations": [{"type": "push", "items": [{"queue": 7}]}]}, "Queue must be a string"),
        ({"operations": [{"type": "push", "queue": "q", "partition": 7}]}, "Partition must be a string"),
        ({"operations": [{"type": "push", "queue": "q", "traceId": "x"}]}, "traceId must be a UUID"),
        ({"operations": [{"type": "push", "queue": "q" * 256}]}, "queue is longer than 255 characters"),
        ({"operations": [{"type": "push"}]}, "queue"),
        ({"operations": [{"type": "ack", "partitionId": NOBODY}]}, "transactionId is required"),
        ({"operations": [{"type": "ack", "transactionId": "t"}]}, "partitionId is required"),
        ({"operations": [{"type": "ack", "transactionId": "t", "partitionId": "x"}]}, "partitionId must be"),
        ({"operations": [{"type": "push", "queue": "q"}], "requiredLeases": "x"}, "requiredLeases"),
        ({"operations": [{"type": "push", "queue": "q"}], "requiredLeases": [7]}, "requiredLeases"),
    ],
)
async def test_a_wrong_body_is_refused_with_the_place(client: Client, body: object, said: str) -> None:
    answer = await client.post("/api/v1/transaction", body)
    assert answer.status == 400
    assert said in answer.error
