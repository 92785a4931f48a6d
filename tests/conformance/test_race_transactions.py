"""Transactions that touch the same partitions in opposite orders: none fails, none is done by half."""

import asyncio
from collections.abc import Sequence

from .answers import Transacted
from .client import Client, Queue, item
from .marks import covers, on
from .serving import Deployment
from .workers import PAIRS_OF_TWO, each_worker

ROUNDS = 25
PARTITIONS = [f"p{number}" for number in range(6)]

pytestmark = [on(PAIRS_OF_TWO), covers("POST /api/v1/transaction")]


async def transact(client: Client, operations: Sequence[object]) -> Transacted:
    return (await client.post("/api/v1/transaction", {"operations": operations})).as_(Transacted)


async def test_opposite_orders_do_not_deadlock(deployment: Deployment, orders: Queue) -> None:
    """Four connections push to, and ack in, six partitions, forwards and backwards: every one succeeds."""
    groups = [f"g{number}" for number in range(4)]

    async def work(client: Client, group: str, partitions: Sequence[str]) -> None:
        mine = orders.seen_by(client)
        for number in range(ROUNDS):
            found = await mine.pop(99, consumerGroup=group, partitions=len(PARTITIONS))
            in_order = sorted(found, key=lambda message: partitions.index(message.partition))
            acks = [{"type": "ack", "consumerGroup": group, **item(message)} for message in in_order]
            pushes = [mine.message(f"{group}-{number}", partition) for partition in partitions]
            done = await transact(client, [*acks, {"type": "push", "items": pushes}])
            assert done.success, done.error

    async with each_worker(deployment.url, times=2) as clients:
        await asyncio.gather(
            *(
                work(client, group, PARTITIONS[:: 1 if turn % 2 else -1])
                for turn, (client, group) in enumerate(zip(clients, groups, strict=True))
            )
        )
    wanted = [f"{group}-{number}" for group in groups for number in range(ROUNDS) for _ in PARTITIONS]
    assert await deployment.stored(orders.name) == sorted(wanted)


@covers("POST /api/v1/push", "POST /api/v1/ack/batch")
async def test_pushes_and_acks_in_opposite_orders_do_not_deadlock(
    deployment: Deployment, orders: Queue
) -> None:
    async def work(client: Client, group: str, partitions: Sequence[str]) -> None:
        mine = orders.seen_by(client)
        for number in range(ROUNDS):
            await client.push(*(mine.message(f"{group}-{number}", each) for each in partitions))
            found = await mine.pop(99, consumerGroup=group, partitions=len(PARTITIONS))
            acked = await client.ack(*map(item, reversed(found)), group=group)
            assert all(one.success for one in acked)

    async with each_worker(deployment.url, times=2) as clients:
        await asyncio.gather(
            *(
                work(client, f"g{turn}", PARTITIONS[:: 1 if turn % 2 else -1])
                for turn, client in enumerate(clients)
            )
        )
    assert len(await deployment.stored(orders.name)) == 4 * ROUNDS * len(PARTITIONS)
