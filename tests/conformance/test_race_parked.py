"""Polls that wait on one worker for what happens on another."""

import asyncio
from statistics import median
from time import perf_counter

from tests.waiting import until

from . import figures
from .client import Client, Queue, ids
from .marks import covers, on
from .serving import POOL_SIZE, Deployment
from .workers import PAIRS_OF_TWO, each_worker

POP_QUEUE = "GET /api/v1/pop/queue/{queue}"

pytestmark = [on(PAIRS_OF_TWO), covers(POP_QUEUE)]


async def until_parked(client: Client, polls: int) -> None:
    """Wait until so many polls wait, on all workers together."""

    async def are_parked() -> bool:
        return await figures.parked_polls(client) == polls

    await until(are_parked)


async def test_a_push_on_one_worker_wakes_a_poll_on_the_other_at_once(
    client: Client, deployment: Deployment, orders: Queue
) -> None:
    """The median of 20 wake-ups is below 100 ms."""
    waits_s = []
    async with each_worker(deployment.url) as (popper, pusher):
        for number in range(20):
            poll = asyncio.create_task(
                orders.seen_by(popper).pop(wait="true", timeout=20_000, autoAck="true")
            )
            await until_parked(client, 1)
            started = perf_counter()
            await orders.seen_by(pusher).push(str(number))
            assert ids(await poll) == [str(number)]
            waits_s.append(perf_counter() - started)
    assert median(waits_s) < 0.1, waits_s


@covers("GET /metrics/pool")
async def test_a_parked_poll_costs_no_connection(
    client: Client, deployment: Deployment, orders: Queue
) -> None:
    """Three times as many polls wait as there are connections, and none of those is busy."""
    polls = [
        asyncio.create_task(
            orders.pop(wait="true", timeout=20_000, consumerGroup=f"g{number}", autoAck="true")
        )
        for number in range(3 * POOL_SIZE)
    ]
    await until_parked(client, len(polls))

    async def none_is_busy() -> bool:
        pool = await figures.pool(client)
        assert pool["totalCount"] <= POOL_SIZE
        return (pool["totalCount"] - pool["idleCount"], pool["waitingCount"]) == (0, 0)

    await until(none_is_busy)
    await orders.push("a")
    assert [ids(await poll) for poll in polls] == [["a"]] * len(polls)


async def test_a_client_that_disconnects_leaves_no_lease_behind(
    client: Client, deployment: Deployment, orders: Queue
) -> None:
    """20 rounds: the message goes at once to whoever asks next, though the lease would last 300 s."""
    async with each_worker(deployment.url) as (pusher, popper):
        for number in range(20):
            poll = asyncio.create_task(orders.pop(wait="true", timeout=20_000))
            await until_parked(client, 1)
            poll.cancel()
            await asyncio.wait((poll,))
            await orders.seen_by(pusher).push(str(number), partition=str(number))
            async with asyncio.timeout(5):
                assert ids(await orders.seen_by(popper).pop(wait="true", timeout=5000)) == [str(number)]
        await until_parked(client, 0)
