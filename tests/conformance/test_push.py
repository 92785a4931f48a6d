"""POST /api/v1/push: items in, one answer for each, all of them stored or none."""

import asyncio
import json

import pytest

from .client import Client, Queue, ids
from .marks import FEW, ONE, covers, on

pytestmark = covers("POST /api/v1/push")

TRACE = "0190a000-0000-7000-8000-000000000001"


async def test_each_item_is_answered_in_order_in_both_spellings(client: Client, orders: Queue) -> None:
    first = orders.message("t1", payload=1)
    pushed = await client.push(first, {"queue": orders.name, "partition": "p", "traceId": TRACE}, first)
    assert [one.status for one in pushed] == ["queued", "queued", "duplicate"]
    assert [one.index for one in pushed] == [0, 1, 2]
    assert [one.queue_name for one in pushed] == [orders.name] * 3
    assert pushed[0].transaction_id == "t1"
    assert pushed[0].partition_id != pushed[1].partition_id
    assert pushed[1].trace_id == TRACE
    for one in pushed:
        assert one.transaction_id == one.transaction_id_twin
        assert one.message_id == one.message_id_twin
        assert one.partition_id == one.partition_id_twin


async def test_nothing_to_push_is_an_empty_answer(client: Client) -> None:
    assert await client.push() == []


async def test_queue_and_partition_come_into_being_with_the_first_message(orders: Queue) -> None:
    assert (await orders.pop_answer()).status == 204
    await orders.push("t", partition="new")
    [message] = await orders.pop()
    assert (message.partition, message.transaction_id) == ("new", "t")


async def test_one_request_reaches_many_queues_and_partitions(client: Client, orders: Queue) -> None:
    other = Queue(client, orders.name + "-other")
    pushed = await client.push(orders.message("1"), orders.message("2", "p"), other.message("3"))
    assert [one.queue_name for one in pushed] == [orders.name, orders.name, other.name]
    assert ids(await orders.pop(10, partitions=2)) in (["1", "2"], ["2", "1"])
    assert ids(await other.pop(10)) == ["3"]


async def test_messages_come_out_in_the_order_of_the_items_and_of_the_requests(orders: Queue) -> None:
    first, second = [f"a{number}" for number in range(50)], [f"b{number}" for number in range(50)]
    await orders.push(*first)
    await orders.push(*second)
    assert ids(await orders.pop(100)) == first + second


async def test_a_transaction_id_is_stored_once_in_a_partition(orders: Queue) -> None:
    [stored] = await orders.push("t")
    [again] = await orders.push("t")
    assert (again.status, again.message_id) == ("duplicate", stored.message_id)
    assert again.partition_id == stored.partition_id
    assert ids(await orders.pop(10)) == ["t"]


async def test_a_duplicate_stays_one_after_its_message_was_consumed(client: Client, orders: Queue) -> None:
    [stored] = await orders.push("t")
    await orders.pop(autoAck="true")
    [again] = await orders.push("t")
    assert (again.status, again.message_id) == ("duplicate", stored.message_id)
    assert await orders.pop() == []


async def test_duplicates_and_new_ones_mix_in_one_request(orders: Queue) -> None:
    await orders.push("b")
    pushed = await orders.push("a", "b", "c", "a")
    assert [one.status for one in pushed] == ["queued", "duplicate", "queued", "duplicate"]
    assert pushed[3].message_id == pushed[0].message_id
    assert ids(await orders.pop(10)) == ["b", "a", "c"]


async def test_the_same_transaction_id_is_free_in_another_partition(client: Client, orders: Queue) -> None:
    other = Queue(client, orders.name + "-other")
    pushed = await client.push(orders.message("t"), orders.message("t", "p"), other.message("t"))
    assert [one.status for one in pushed] == ["queued"] * 3
    assert len({one.message_id for one in pushed}) == 3


async def test_an_empty_id_counts_as_none_and_the_server_makes_one(client: Client, orders: Queue) -> None:
    pushed = await client.push(
        {"queue": orders.name}, {"queue": orders.name, "transactionId": "", "traceId": ""}
    )
    assert [one.status for one in pushed] == ["queued", "queued"]
    assert len({one.transaction_id for one in pushed} - {""}) == 2
    assert ids(await orders.pop(10)) == [one.transaction_id for one in pushed]


async def test_a_payload_comes_out_as_the_bytes_that_went_in(client: Client, orders: Queue) -> None:
    payload = b'{"b": 1.10, "a": 123456789012345678901234567890, "b": "\\u0000", "c": 1e999}'
    body = b'{"items": [{"queue": "%s", "payload": %s}]}' % (orders.name.encode(), payload)
    assert (await client.post("/api/v1/push", body)).status == 201
    assert b'"data":' + payload in (await orders.pop_answer()).raw


@on(FEW)
async def test_half_a_surrogate_pair_in_a_payload_is_kept(client: Client, orders: Queue) -> None:
    body = b'{"items": [{"queue": "%s", "payload": "\\ud800"}]}' % orders.name.encode()
    assert (await client.post("/api/v1/push", body)).status == 201
    assert b'"data":"\\ud800"' in (await orders.pop_answer()).raw


@on(FEW)
@pytest.mark.parametrize(
    "payload", [None, {}, [], "", 0, False, "\N{PILE OF POO}", {"deep": [[{"a": None}]]}]
)
async def test_every_kind_of_json_is_a_payload(client: Client, orders: Queue, payload: object) -> None:
    await client.push(orders.message("t", payload=payload))
    [message] = await orders.pop()
    assert message.data == payload


async def test_a_missing_payload_is_null(client: Client, orders: Queue) -> None:
    await client.push({"queue": orders.name})
    [message] = await orders.pop()
    assert message.data is None


async def test_a_payload_of_a_mebibyte_passes(client: Client, orders: Queue) -> None:
    text = "x" * 2**20
    await client.push(orders.message("t", payload=text))
    [message] = await orders.pop()
    assert message.data == text


async def test_who_pushed_is_the_servers_to_say(client: Client, orders: Queue) -> None:
    await client.push(orders.message("t", producerSub="somebody else"))
    [message] = await orders.pop()
    assert message.producer_sub is None


async def test_a_trace_id_travels_with_the_message(client: Client, orders: Queue) -> None:
    await client.push(orders.message("t", traceId=TRACE))
    [message] = await orders.pop()
    assert message.trace_id == TRACE


@on(FEW)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Empty request body"),
        (b"{", "Invalid JSON: Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        ({}, "items array is required"),
        ({"items": {}}, "items array is required"),
        ({"items": None}, "items array is required"),
        ({"items": [1]}, "$.items[0]"),
        ({"items": [{}]}, "Queue must be a string"),
        ({"items": [{"queue": None}]}, "Queue must be a string"),
        ({"items": [{"queue": 1}]}, "Queue must be a string"),
        ({"items": [{"queue": "QUEUE"}, {"queue": "QUEUE", "partition": 1}]}, "Partition must be a string"),
        ({"items": [{"queue": "QUEUE", "partition": None}]}, "Partition must be a string"),
        ({"items": [{"queue": "QUEUE", "transactionId": None}]}, "TransactionId must be a string"),
        ({"items": [{"queue": "QUEUE", "transactionId": {}}]}, "TransactionId must be a string"),
        ({"items": [{"queue": "QUEUE", "traceId": 7}]}, "TraceId must be a string"),
        ({"items": [{"queue": "QUEUE", "traceId": "x"}]}, "traceId must be a UUID"),
        ({"items": [{"queue": "QUEUE"}, {"queue": "q" * 256}]}, "queue is longer than 255 characters"),
        ({"items": [{"queue": "QUEUE"}, {"queue": "q\0"}]}, "queue must not contain the character U+0000"),
        ({"items": [{"queue": "QUEUE", "partition": "p" * 256}]}, "partition is longer than 255 characters"),
        ({"items": [{"queue": "QUEUE", "transactionId": "t" * 256}]}, "transactionId is longer than 255"),
        ({"items": [{"queue": "QUEUE", "transactionId": "t\0"}]}, "transactionId must not contain"),
        (b'{"items": [{"queue": "QUEUE", "partition": "\\ud800"}]}', "half of a surrogate pair"),
        (b'{"items": [{"queue": "QUEUE", "payload": NaN}]}', "Invalid JSON"),
        (b'{"items": [{"queue": "QUEUE", "payload": Infinity}]}', "Invalid JSON"),
        (b'{"items": [{"queue": "QUEUE", "payload": "\xff"}]}', "Invalid JSON: not UTF-8 at byte "),
        (b'{"items": [{"queue": "QUEUE"}]} {', "Invalid JSON"),
        (b'\xef\xbb\xbf{"items": [{"queue": "QUEUE"}]}', "Invalid JSON"),
        (b'{"items": [{"queue": "QUEUE", "payload": ' + b"[" * 100_000, "Invalid JSON"),
    ],
)
async def test_a_wrong_push_is_refused_whole_and_says_where(
    client: Client, orders: Queue, body: object, said: str
) -> None:
    """A wrong push is refused as a whole with 400 that names the first thing that is wrong."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await client.post("/api/v1/push", content.replace(b"QUEUE", orders.name.encode()))
    assert answer.status == 400
    assert said in answer.error
    assert answer.json["code"] == "bad_request"
    assert await orders.pop() == []


async def test_names_of_255_characters_are_stored(client: Client) -> None:
    queue = Queue(client, "\N{PILE OF POO}" * 255)
    await client.push(queue.message("t" * 255, "p" * 255))
    [message] = await queue.pop(autoAck="true")
    assert (message.transaction_id, message.partition) == ("t" * 255, "p" * 255)


@on(ONE)
async def test_ten_thousand_items_are_one_push(orders: Queue) -> None:
    wanted = [str(number) for number in range(10_000)]
    pushed = await orders.push(*wanted)
    assert [one.status for one in pushed] == ["queued"] * 10_000
    assert ids(await orders.pop(10_000)) == wanted


async def test_requests_at_the_same_time_are_each_answered_for_their_own_items(
    client: Client, orders: Queue
) -> None:
    """One rider's mistake or duplicate is nobody else's."""

    async def push(number: int) -> str:
        if number % 4 == 3:
            return (await client.post("/api/v1/push", {"items": [orders.message("x", traceId="no")]})).error
        [pushed] = await orders.push(f"t{number}" if number % 4 else "same", partition=f"p{number % 2}")
        return pushed.transaction_id

    said = await asyncio.gather(*(push(number) for number in range(40)))
    assert said == [
        "traceId must be a UUID" if number % 4 == 3 else f"t{number}" if number % 4 else "same"
        for number in range(40)
    ]
    assert len(await orders.pop(100, partitions=2)) == 21
