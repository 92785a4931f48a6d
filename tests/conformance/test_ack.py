"""POST /api/v1/ack and /ack/batch: what is asked and what is answered; a refusal is an answer.

The rule itself is docs/ack.md's, and has the modules `test_ack_…`. Upstream's losses have a test each.
"""

import pytest

from .client import DONE, NOBODY, Client, Queue, item, outcomes
from .marks import FEW, covers, on

ACK = "POST /api/v1/ack"
INVALID = "Invalid or expired lease"

pytestmark = covers("POST /api/v1/ack/batch")


@covers(ACK)
async def test_one_ack_is_answered_by_an_array_of_one(client: Client, orders: Queue) -> None:
    await orders.push("a", partition="p")
    [message] = await orders.pop()
    answer = await client.post("/api/v1/ack", item(message))
    assert answer.status == 200
    assert answer.json == [
        {
            "index": 0,
            "transactionId": "a",
            "success": True,
            "error": None,
            "queueName": orders.name,
            "partitionName": "p",
            "leaseReleased": True,
            "dlq": False,
        }
    ]


async def test_a_batch_is_answered_in_the_order_of_its_items(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c")
    a, b, c = await orders.pop(3)
    acked = await client.ack(item(c), item(a), item(b))
    assert [(one.index, one.transaction_id) for one in acked] == [(0, "c"), (1, "a"), (2, "b")]
    assert all(one.success for one in acked)


async def test_no_acknowledgments_is_an_empty_answer(client: Client) -> None:
    assert await client.ack() == []


@covers(ACK)
async def test_the_status_is_completed_unless_it_is_said(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    for status in ({}, {"status": "success"}):
        [message] = await orders.pop()
        place = {"transactionId": message.transaction_id, "partitionId": message.partition_id}
        assert (await client.ack_one({**place, "leaseId": message.lease_id, **status})).success
    assert await orders.pop() == []


@on(FEW)
@covers(ACK)
async def test_optional_fields_that_are_no_text_count_as_absent(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [message] = await orders.pop()
    [refused] = await client.ack({**item(message), "status": 7, "error": [], "leaseId": 7})
    assert refused.error == INVALID, "a lease that is no text is no lease, and one lives"
    acked = await client.ack_one({**item(message), "status": None, "error": 5})
    assert (acked.success, acked.dlq) == (True, False)


async def test_an_unknown_status_is_refused_and_changes_nothing(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    unknown, known = await client.ack(item(a, "done"), item(b, "completed"))
    assert not unknown.success
    assert known.success
    assert await orders.pop() == []


async def test_an_unknown_status_alone_keeps_the_lease(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    [unknown] = await client.ack(item(a, "done"))
    assert not unknown.success
    assert await orders.pop() == []
    assert (await client.ack_one(item(a))).success


@on(FEW)
@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/v1/ack", b"", "Empty request body"),
        ("/api/v1/ack", b"{", "Invalid JSON"),
        ("/api/v1/ack", {"partitionId": NOBODY}, "transactionId is required"),
        ("/api/v1/ack", {"transactionId": None, "partitionId": NOBODY}, "transactionId is required"),
        ("/api/v1/ack", {"transactionId": 7, "partitionId": NOBODY}, "transactionId is required"),
        ("/api/v1/ack", {"transactionId": "x"}, "partitionId is required to ensure message uniqueness"),
        ("/api/v1/ack", {"transactionId": "x", "partitionId": 7}, "partitionId is required"),
        ("/api/v1/ack", {"transactionId": "x", "partitionId": "x"}, "partitionId must be a UUID"),
        ("/api/v1/ack", {"transactionId": "x\0", "partitionId": NOBODY}, "transactionId must not contain"),
        (
            "/api/v1/ack",
            {"transactionId": "x", "partitionId": NOBODY, "consumerGroup": "g" * 256},
            "consumerGroup is longer",
        ),
        ("/api/v1/ack/batch", b"", "Empty request body"),
        ("/api/v1/ack/batch", {}, "acknowledgments array is required"),
        ("/api/v1/ack/batch", {"acknowledgments": {}}, "acknowledgments array is required"),
        (
            "/api/v1/ack/batch",
            {"acknowledgments": [{}]},
            "Each acknowledgment must have a valid transactionId string",
        ),
        (
            "/api/v1/ack/batch",
            {"acknowledgments": [{"transactionId": "x"}]},
            "partitionId string to ensure message uniqueness",
        ),
        (
            "/api/v1/ack/batch",
            {"acknowledgments": [{"transactionId": "x", "partitionId": "x"}]},
            "partitionId must be a UUID",
        ),
    ],
)
@covers(ACK)
async def test_a_wrong_body_is_refused_with_the_place(
    client: Client, path: str, body: object, said: str
) -> None:
    answer = await client.post(path, body)
    assert answer.status == 400
    assert said in answer.error


async def test_one_bad_item_refuses_its_whole_request(client: Client, orders: Queue) -> None:
    """An id that cannot be one is a mistake of the client: nothing of its request is done."""
    await orders.push("a")
    [a] = await orders.pop()
    body = {"acknowledgments": [item(a), item(a, partitionId="x")]}
    assert (await client.post("/api/v1/ack/batch", body)).status == 400
    assert outcomes(await client.ack(item(a))) == [DONE]
