"""Pop with wait=true: parked without a connection, awake at once when there is something."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter

import pytest

from tests.attempts import Attempt, attempts, in_time, within
from tests.waiting import DEADLINE_S, until

from .admin_answers import GroupRow
from .answers import Message
from .client import Client, Queue, ids, item
from .figures import parked_polls
from .marks import FEW, covers, on

POP_QUEUE = "GET /api/v1/pop/queue/{queue}"
POP_PARTITION = "GET /api/v1/pop/queue/{queue}/partition/{partition}"

AT_ONCE_S = 0.9  # below the slow poll that would find it anyway

pytestmark = covers(POP_QUEUE)


@asynccontextmanager
async def waiting(
    orders: Queue, batch: int = 1, partition: str | None = None, **query: object
) -> AsyncIterator[asyncio.Task[list[Message]]]:
    """A poll that has found nothing and waits; cancelled at the end of the block if it still does."""
    before = await parked_polls(orders.client)
    poll = asyncio.create_task(orders.pop(batch, partition, **{"wait": "true", "timeout": 20_000, **query}))
    try:

        async def is_parked() -> bool:
            return poll.done() or await parked_polls(orders.client) > before

        await until(is_parked)
        assert not poll.done(), poll
        yield poll
    finally:
        poll.cancel()
        await asyncio.wait((poll,))

        async def is_gone() -> bool:
            return await parked_polls(orders.client) <= before

        await until(is_gone)


def queue_of(attempt: Attempt, orders: Queue) -> Queue:
    """A queue that no other attempt uses; it does not exist yet."""
    return Queue(orders.client, f"{orders.name}-{attempt.number}")


async def at_once(poll: asyncio.Task[list[Message]]) -> list[str]:
    """What the poll brings, soon."""
    async with within(AT_ONCE_S):
        return ids(await poll)


@pytest.mark.parametrize("partition", [None, "p"])
@covers(POP_PARTITION)
async def test_a_push_wakes_a_poll(orders: Queue, partition: str | None) -> None:
    """A poll waits for a queue or a partition that does not exist yet, too."""
    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            async with waiting(queue, partition=partition) as poll:
                await queue.push("a", partition="p")
                assert await at_once(poll) == ["a"]


async def test_a_push_to_another_partition_leaves_a_poll_of_one_asleep(orders: Queue) -> None:
    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            async with waiting(queue, partition="p") as poll:
                await queue.push("a", partition="q")
                await queue.push("b", partition="p")
                assert await at_once(poll) == ["b"]


async def test_every_group_is_woken(orders: Queue) -> None:
    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            async with waiting(queue) as queue_mode, waiting(queue, consumerGroup="g") as group:
                await queue.push("a")
                assert await at_once(queue_mode) == ["a"]
                assert await at_once(group) == ["a"]


async def test_one_message_goes_to_one_of_those_who_wait(orders: Queue) -> None:
    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            async with waiting(queue) as first, waiting(queue) as second:
                await queue.push("a")
                done, still = await asyncio.wait((first, second), return_when=asyncio.FIRST_COMPLETED)
                assert [ids(poll.result()) for poll in done] == [["a"]]
                await queue.push("b", partition="another")
                assert [await at_once(poll) for poll in still] == [["b"]]


@pytest.mark.parametrize("status", ["failed", "retry", "completed"])
@covers("POST /api/v1/ack", "POST /api/v1/ack/batch")
async def test_the_end_of_a_lease_wakes_a_poll(client: Client, orders: Queue, status: str) -> None:
    """An ack that ends a lease wakes who waits for what is left, or comes back."""
    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            await queue.push("a", "b")
            [a] = await queue.pop()
            async with waiting(queue) as poll:
                await client.ack(item(a, status))
                assert await at_once(poll) == (["b"] if status == "completed" else ["a"])


@on(FEW)
async def test_a_lease_that_runs_out_wakes_a_poll(orders: Queue) -> None:
    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            await queue.configure(leaseTime=3)  # longer than it takes to park
            await queue.push("a")
            await queue.pop()
            popped_s = perf_counter()
            async with waiting(queue) as poll:
                async with asyncio.timeout(DEADLINE_S):
                    [again] = await poll
                took_s = perf_counter() - popped_s
            assert (again.transaction_id, again.lease_expiries, again.retry_count) == ("a", 1, 0)
            in_time(took_s, 3 + AT_ONCE_S)


@on(FEW)
@covers("POST /api/v1/configure")
async def test_a_message_that_falls_due_wakes_a_poll(orders: Queue) -> None:
    """delayedProcessing: a message is invisible until it is that old."""
    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            await queue.configure(delayedProcessing=1)
            async with waiting(queue) as poll:
                pushing_s = perf_counter()
                await queue.push("a")
                pushed_s = perf_counter()
                async with asyncio.timeout(DEADLINE_S):
                    assert ids(await poll) == ["a"]
                got_s = perf_counter()
            assert got_s - pushing_s >= 1
            in_time(got_s - pushed_s, 1 + AT_ONCE_S)


@on(FEW)
@covers("POST /api/v1/configure")
async def test_a_window_that_closes_wakes_a_poll(orders: Queue) -> None:
    """windowBuffer: a partition gives nothing until its newest message is that old."""
    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            await queue.configure(windowBuffer=1)
            async with waiting(queue, batch=9) as poll:
                begun_s = perf_counter()
                await queue.push("a")
                pushing_s = perf_counter()
                await queue.push("b")
                pushed_s = perf_counter()
                async with asyncio.timeout(DEADLINE_S):
                    got = ids(await poll)
                got_s = perf_counter()
            in_time(pushed_s - begun_s, 1)  # or the window closed behind the first
            assert got == ["a", "b"]
            assert got_s - pushing_s >= 1
            in_time(got_s - pushed_s, 1 + AT_ONCE_S)


@covers("GET /api/v1/pop/queue/{queue}/partition/{partition}")
@pytest.mark.parametrize("partition", [None, "Default"])
@on(FEW)
async def test_a_poll_that_finds_nothing_in_time_is_204(orders: Queue, partition: str | None) -> None:
    for attempt in attempts():
        with attempt:
            started_s = perf_counter()
            answer = await orders.pop_answer(partition, wait=True, timeout=200)
            took_s = perf_counter() - started_s
            assert (answer.status, answer.raw) == (204, b"")
            assert took_s > 0.19
            in_time(took_s, 0.2 + AT_ONCE_S)


@on(FEW)
async def test_without_wait_nothing_waits(orders: Queue) -> None:
    for attempt in attempts():
        with attempt:
            async with within(AT_ONCE_S):
                assert (await orders.pop_answer(timeout=20_000)).status == 204
                assert (await orders.pop_answer(wait=True, timeout=0)).status == 204
                assert (await orders.pop_answer(wait=True, timeout=-5)).status == 204


async def test_a_poll_takes_what_is_there(orders: Queue) -> None:
    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            await queue.push("a")
            async with within(AT_ONCE_S):
                assert ids(await queue.pop(9, wait="true", timeout=20_000)) == ["a"]


async def test_a_group_that_subscribes_to_what_is_new_waits_for_it(orders: Queue) -> None:
    """Upstream registers the group when it claims, and skips what was pushed meanwhile."""

    async def is_registered(queue: Queue) -> bool:  # a poll counts as parked before that
        rows = (await queue.client.get("/api/v1/consumer-groups?limit=10000")).as_(list[GroupRow])
        return any((row.name, row.queue_name) == ("g", queue.name) for row in rows)

    for attempt in attempts():
        queue = queue_of(attempt, orders)
        with attempt:
            await queue.push("old")
            async with waiting(queue, consumerGroup="g", subscriptionMode="new") as poll:
                await until(partial(is_registered, queue))
                await queue.push("new")
                assert await at_once(poll) == ["new"]


@on(FEW)
async def test_a_client_that_disconnects_waits_no_more_and_leaves_no_lease(orders: Queue) -> None:
    """A disconnected poll is no longer parked, and the message goes to who asks next."""
    async with waiting(orders) as poll:
        poll.cancel()
    await orders.push("a")
    assert ids(await orders.pop()) == ["a"]
