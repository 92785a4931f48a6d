"""maxSize: a queue that is full refuses pushes with 429 and says when to come again."""

import pytest

from tests.waiting import until

from . import figures
from .client import Client, Queue, ids, item
from .http_client import Answer
from .marks import FEW, covers, on

pytestmark = [on(FEW), covers("POST /api/v1/push")]


async def push(client: Client, *items: dict[str, object]) -> Answer:
    return await client.post("/api/v1/push", {"items": items})


def refused(answer: Answer) -> bool:
    """Whether it is the answer that a full queue gives; the test fails when it is one of a third kind."""
    if answer.status == 201:
        return False
    assert answer.status == 429, answer
    assert answer.error
    assert int(answer.headers["retry-after"]) >= 1
    return True


async def until_admitted(client: Client, *items: dict[str, object]) -> None:
    """Push them again and again until there is room for all."""

    async def are_admitted() -> bool:
        return not refused(await push(client, *items))

    await until(are_admitted)


@pytest.fixture
async def full(orders: Queue) -> Queue:
    """A queue with as many messages as it may have."""
    await orders.configure(maxSize=3)
    await orders.push("a", "b", "c")
    return orders


async def test_a_full_queue_refuses_and_stores_nothing(client: Client, full: Queue) -> None:
    answer = await push(client, full.message("d"))
    assert refused(answer)
    assert full.name in answer.error
    assert ids(await full.pop(9)) == ["a", "b", "c"]


async def test_a_request_that_names_a_full_queue_is_refused_whole(client: Client, full: Queue) -> None:
    other = Queue(client, full.name + "-other")
    assert refused(await push(client, other.message("x"), full.message("d")))
    assert await other.pop() == []
    assert not refused(await push(client, other.message("x")))


async def test_there_is_room_again_when_messages_are_consumed(client: Client, full: Queue) -> None:
    messages = await full.pop(2)
    assert refused(await push(client, full.message("d"))), "a lease makes no room"
    await client.ack(*map(item, messages))
    await until_admitted(client, full.message("d"))
    assert ids(await full.pop(9)) == ["c", "d"]


async def test_the_slowest_group_counts(client: Client, full: Queue) -> None:
    await full.pop(consumerGroup="slow", partition="another")
    await full.pop(9, consumerGroup="fast", autoAck="true")
    assert refused(await push(client, full.message("d")))
    await full.pop(9, consumerGroup="slow", autoAck="true")
    await until_admitted(client, full.message("d"))


@covers("POST /api/v1/configure")
async def test_a_larger_size_makes_room(client: Client, full: Queue) -> None:
    await full.configure(maxSize=4)
    await until_admitted(client, full.message("d"))
    await full.configure()
    await until_admitted(client, *(full.message(f"e{number}") for number in range(9)))


@covers("POST /api/v1/transaction")
async def test_a_transaction_is_refused_like_a_push(client: Client, full: Queue) -> None:
    [a] = await full.pop()
    operations = [{"type": "push", "items": [full.message("d")]}, {"type": "ack", **item(a)}]
    assert refused(await client.post("/api/v1/transaction", {"operations": operations}))
    assert (await client.ack_one(item(a))).noop is None, "the ack did not happen either"


async def test_polls_and_acks_go_on(client: Client, full: Queue) -> None:
    assert refused(await push(client, full.message("d")))
    messages = await full.pop(9)
    assert all(acked.success for acked in await client.ack(*map(item, messages)))


@covers("GET /metrics")
async def test_refusals_are_counted(client: Client, full: Queue) -> None:
    before = (await figures.metrics(client))["pushesRefused"]
    assert refused(await push(client, full.message("d")))
    assert (await figures.metrics(client))["pushesRefused"] == before + 1
