"""The endpoints over HTTP, through a real server process, for every push strategy."""

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

import pytest

from tests.waiting import until

from .conftest import Client


async def push(client: Client, *items: Mapping[str, object]) -> list[dict[str, object]]:
    answer = await client.post("/api/v1/push", {"items": list(items)})
    assert answer.status == 201, answer.raw
    pushed: list[dict[str, object]] = answer.json
    return pushed


async def test_push_answers_each_item_in_order_in_both_spellings(client: Client, orders: str) -> None:
    first = {"queue": orders, "transactionId": "t1", "payload": 1}
    trace = "0190a000-0000-7000-8000-000000000001"
    pushed = await push(client, first, {"queue": orders, "partition": "p", "traceId": trace}, first)
    assert [one["status"] for one in pushed] == ["queued", "queued", "duplicate"]
    assert [one["index"] for one in pushed] == [0, 1, 2]
    assert pushed[2]["message_id"] == pushed[0]["message_id"] == pushed[0]["messageId"]
    assert pushed[0]["partition_id"] == pushed[0]["partitionId"] != pushed[1]["partition_id"]
    assert pushed[0]["transaction_id"] == pushed[0]["transactionId"] == "t1"
    assert pushed[1]["trace_id"] == trace
    assert pushed[1]["queueName"] == orders


async def test_nothing_to_push_is_an_empty_answer(client: Client) -> None:
    assert await push(client) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Empty request body"),
        (b"{", "Invalid JSON: Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        ({}, "items array is required"),
        ({"items": {}}, "items array is required"),
        ({"items": [{}]}, "Queue must be a string"),
        ({"items": [{"queue": None}]}, "Queue must be a string"),
        ({"items": [{"queue": "q"}, {"queue": "q", "partition": 1}]}, "Partition must be a string"),
        ({"items": [{"queue": "q", "transactionId": None}]}, "TransactionId must be a string"),
        ({"items": [{"queue": "q", "traceId": 7}]}, "TraceId must be a string"),
        ({"items": [{"queue": "q", "traceId": "x"}]}, "traceId must be a UUID"),
        ({"items": [{"queue": "q" * 256}]}, "queue is longer than 255 characters"),
        ({"items": [{"queue": "q\0"}]}, "queue must not contain the character U+0000"),
        (b'{"items": [{"queue": "q", "payload": NaN}]}', "Invalid JSON"),
        (b'{"items": [{"queue": "q", "payload": "\xff"}]}', "payload is not UTF-8"),
        (b'{"items": [{"queue": "q", "payload": ' + b"[" * 100_000, "Invalid JSON"),
    ],
)
async def test_a_wrong_push_is_refused_whole_and_says_where(client: Client, body: object, said: str) -> None:
    answer = await client.post("/api/v1/push", body)
    assert answer.status == 400
    assert said in answer.json["error"]
    assert answer.json["code"] == "bad_request"
    assert (await client.get("/api/v1/pop/queue/q")).status == 204


async def test_a_message_comes_out_as_it_went_in(client: Client, orders: str) -> None:
    payload = b'{"b": 1.10, "a": 123456789012345678901234567890, "b": "\\u0000"}'
    body = b'{"items": [{"queue": "%s", "transactionId": "t", "payload": %s}]}' % (orders.encode(), payload)
    assert (await client.post("/api/v1/push", body)).status == 201
    answer = await client.get(f"/api/v1/pop/queue/{orders}")
    assert answer.status == 200
    assert b'"data":' + payload in answer.raw
    delivery = answer.json
    assert delivery["success"] is True
    assert delivery["queue"] == orders
    assert delivery["partition"] == "Default"
    assert delivery["consumerGroup"] == "__QUEUE_MODE__"
    [message] = delivery["messages"]
    assert message["transactionId"] == "t"
    assert message["leaseId"] == delivery["leaseId"] != ""
    assert message["partitionId"] == delivery["partitionId"]
    assert message["createdAt"].endswith("Z")
    assert len(message["createdAt"]) == len("2026-11-24T08:31:51.144271Z")


async def test_pop_then_ack_then_nothing_is_left(client: Client, orders: str) -> None:
    await push(client, *({"queue": orders, "transactionId": str(number)} for number in range(3)))
    delivery = (await client.get(f"/api/v1/pop/queue/{orders}/partition/Default?batch=10")).json
    acks = [
        {"transactionId": one["transactionId"], "partitionId": one["partitionId"], "leaseId": one["leaseId"]}
        for one in delivery["messages"]
    ]
    [first] = (await client.post("/api/v1/ack", acks[0])).json
    assert first == {
        "index": 0,
        "transactionId": "0",
        "success": True,
        "error": None,
        "queueName": orders,
        "partitionName": "Default",
        "leaseReleased": False,
        "dlq": False,
    }
    rest = (await client.post("/api/v1/ack/batch", {"acknowledgments": acks})).json
    assert [(one["success"], one.get("noop", False)) for one in rest] == [
        (True, True),
        (True, False),
        (True, False),
    ]
    assert rest[2]["leaseReleased"]
    assert (await client.get(f"/api/v1/pop/queue/{orders}?batch=10")).status == 204


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/v1/ack", {"partitionId": "x"}, "transactionId is required"),
        ("/api/v1/ack", {"transactionId": "x"}, "partitionId is required to ensure message uniqueness"),
        ("/api/v1/ack", {"transactionId": "x", "partitionId": "x"}, "partitionId must be a UUID"),
        ("/api/v1/ack/batch", {}, "acknowledgments array is required"),
        (
            "/api/v1/ack/batch",
            {"acknowledgments": [{}]},
            "Each acknowledgment must have a valid transactionId",
        ),
        ("/api/v1/configure", {}, "queue is required"),
        ("/api/v1/configure", {"queue": "q", "options": {"leaseTime": "x"}}, "Expected `int`, got `str`"),
        ("/api/v1/configure", {"queue": "q", "options": {"encryptionEnabled": True}}, "does not encrypt"),
        ("/api/v1/configure", {"queue": "q", "options": {"maxSize": 10}}, "maxSize: this version does not"),
    ],
)
async def test_wrong_bodies_are_refused(client: Client, path: str, body: object, said: str) -> None:
    answer = await client.post(path, body)
    assert answer.status == 400
    assert said in answer.json["error"]


async def test_no_acknowledgments_is_an_empty_answer(client: Client) -> None:
    answer = await client.post("/api/v1/ack/batch", {"acknowledgments": []})
    assert (answer.status, answer.json) == (200, [])


async def test_configure_echoes_every_option_and_resets_what_is_left_out(client: Client) -> None:
    options = {"leaseTime": 30, "retryLimit": 0, "priority": 5}
    configured = (await client.post("/api/v1/configure", {"queue": "", "options": options})).json
    assert configured["configured"] is True
    assert {key: configured["options"][key] for key in options} == options
    assert len(configured["options"]) == 15
    again = (await client.post("/api/v1/configure", {"queue": "", "options": {"leaseTime": 0}})).json
    assert again["queueId"] == configured["queueId"]
    assert again["partitionId"] == configured["partitionId"]
    assert (again["options"]["leaseTime"], again["options"]["retryLimit"]) == (60, 3)


@pytest.mark.parametrize("start", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_a_subscription_from_no_instant_is_refused(client: Client, start: str) -> None:
    answer = await client.get(f"/api/v1/pop/queue/q?subscriptionFrom={quote(start, safe='')}")
    assert (answer.status, answer.json["error"]) == (400, "subscriptionFrom must be an ISO 8601 time or now")


async def test_a_long_poll_answers_when_a_message_comes(client: Client, orders: str) -> None:
    waiting = asyncio.create_task(client.get(f"/api/v1/pop/queue/{orders}?wait=true&timeout=20000"))

    async def parked() -> bool:
        return bool((await client.get("/metrics")).json["parkedPolls"])

    await until(parked)
    await push(client, {"queue": orders, "payload": "hello"})
    async with asyncio.timeout(10):
        answer = await waiting
    assert answer.json["messages"][0]["data"] == "hello"


async def test_a_long_poll_that_ends_empty_is_204(client: Client, orders: str) -> None:
    answer = await client.get(f"/api/v1/pop/queue/{orders}?wait=true&timeout=50")
    assert (answer.status, answer.raw) == (204, b"")


async def test_what_is_not_here_says_so_in_json(client: Client) -> None:
    answer = await client.get("/api/v1/traces/names")
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    answer = await client.get("/api/v1/push")
    assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, POST")


async def test_head_takes_no_messages(client: Client, orders: str) -> None:
    await push(client, {"queue": orders})
    answer = await client.head(f"/api/v1/pop/queue/{orders}?autoAck=true")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, OPTIONS")
    assert (await client.get(f"/api/v1/pop/queue/{orders}")).status == 200
    assert (await client.head("/health")).status == 200


async def test_health_and_metrics(client: Client, orders: str) -> None:
    before = (await client.get("/metrics")).json
    await push(client, {"queue": orders}, {"queue": orders})
    health = await client.get("/health")
    assert (health.status, health.json["status"], health.json["database"]) == (200, "healthy", "connected")
    assert (await client.get("/livez")).status == 200
    metrics = (await client.get("/metrics")).json
    assert metrics["requests"]["total"] - before["requests"]["total"] == 1
    assert metrics["messages"]["total"] - before["messages"]["total"] == 2
    assert metrics["connections"] == {"open": 1, "refused": 0, "abandoned": 0}
    pool = (await client.get("/metrics/pool")).json
    assert {"totalCount", "idleCount", "waitingCount"} <= pool.keys()
    assert pool["maxCount"] == 4
    assert pool["acquires"] >= 2
    assert sum(pool["holdHistogram"]["counts"]) == pool["acquires"]


async def test_names_are_stored_as_they_are(client: Client) -> None:
    name = "a/b %41'; drop table queen.messages; -- \N{PILE OF POO} \u05d0"
    await push(client, {"queue": name, "partition": name})
    quoted = quote(name, safe="")
    answer = await client.get(f"/api/v1/pop/queue/{quoted}/partition/{quoted}")
    assert answer.json["queue"] == answer.json["partition"] == name
