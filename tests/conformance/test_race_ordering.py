"""Many producers on one partition: every group gets every message once, in one and the same order."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import pytest

from .client import Client, Queue
from .http_client import Session
from .marks import ONE, covers, on
from .serving import Deployment

PRODUCERS = 8
MESSAGES = 100_000
PER_PUSH = 250
PER_POP = 1000
GROUPS = ("g", "h")


class Received(msgspec.Struct, rename="camel"):
    """What this test needs of a message."""

    transaction_id: str
    partition_id: str
    lease_id: str


class Batch(msgspec.Struct):
    """What this test needs of a pop's answer."""

    messages: list[Received]


_BATCH = msgspec.json.Decoder(Batch)


@on(ONE)
@pytest.mark.timeout(120)  # about 20 s on two idle cores
@covers("POST /api/v1/push", "GET /api/v1/pop/queue/{queue}", "POST /api/v1/ack")
async def test_100_000_messages_of_8_producers_reach_2_groups_once_and_in_one_order(
    deployment: Deployment, orders: Queue
) -> None:
    """8 producers, 100,000 messages in one partition, 4 consumers in 2 groups: one order, each once."""
    orders_of: dict[str, list[str]] = {group: [] for group in GROUPS}
    async with asyncio.TaskGroup() as tasks:
        for producer in range(PRODUCERS):
            tasks.create_task(produce(deployment.url, orders, producer))
        for group in GROUPS * 2:
            tasks.create_task(consume(deployment.url, orders, group, orders_of[group]))
    one, other = orders_of.values()
    assert len(one) == MESSAGES
    assert Counter(one).most_common(1)[0][1] == 1, "each once"
    assert one == other, "one order for both"
    for producer in range(PRODUCERS):
        mine = [int(number) for name, _, number in map(parted, one) if name == str(producer)]
        assert mine == list(range(MESSAGES // PRODUCERS)), "each producer's in the order of its pushes"


def parted(transaction_id: str) -> tuple[str, str, str]:
    return transaction_id.partition("-")


def pushes(queue: str, producer: int) -> Iterator[bytes]:
    """The bodies of a producer's pushes."""
    numbers = range(MESSAGES // PRODUCERS)
    for start in numbers[::PER_PUSH]:
        items = [
            {"queue": queue, "transactionId": f"{producer}-{number}"}
            for number in numbers[start : start + PER_PUSH]
        ]
        yield msgspec.json.encode({"items": items})


async def produce(url: str, orders: Queue, producer: int) -> None:
    async with Session.open(url) as session:
        for body in pushes(orders.name, producer):
            answer = await session.ask("POST", "/api/v1/push", body)
            assert answer.status == 201, answer.raw


async def consume(url: str, orders: Queue, group: str, received: list[str]) -> None:
    """Pop and commit until the group has everything. The lease keeps the group's consumers apart."""
    async with Session.open(url) as session:
        path = orders.pop_path(batch=PER_POP, wait=True, timeout=1000, consumerGroup=group)
        while len(received) < MESSAGES:
            answer = await session.ask("GET", path)
            if answer.status == 204:
                continue
            messages = _BATCH.decode(answer.raw).messages
            received += [message.transaction_id for message in messages]
            await commit(Client(session), messages, group)


async def commit(client: Client, messages: Sequence[Received], group: str) -> None:
    """Acknowledge the last one: it commits everything before it."""
    last = msgspec.to_builtins(messages[-1])
    acked = await client.ack_one(last, group)
    assert (acked.success, acked.lease_released) == (True, True)
