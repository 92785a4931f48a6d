"""What nobody announces: a lease that runs out, a message that falls due. The first in line notices in time.

`quiet` stands for a poll in another server process to which no wake-up ever comes.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from queen.core.looking import PopRequest
from queen.core.pop import Delivery
from queen.core.store import AckItem, PartitionName, PopQuery, QueueOptions
from queen.local.database import Database
from queen.settings import PushStrategy
from tests.attempts import Attempt, TooLate, attempts, in_time
from tests.messages import new_message
from tests.waiting import until

from .conftest import Queue, open_queue, settings_for, soon
from .delivered import messages

NUMBERS = range(5)
PHASES_S = (0.1, 0.3, 0.5, 0.7, 0.9)  # after the last look of the first in line


@pytest_asyncio.fixture
async def quiet(each_database: Database, queue: Queue) -> AsyncIterator[Queue]:
    async with open_queue(settings_for(each_database)) as opened:
        yield opened


async def push(queue: Queue, name: str) -> None:
    items = [new_message(PartitionName(name, "p"), '"x"', "m")]
    await queue.pushers[PushStrategy.BATCH].push(items, soon())


async def ack(queue: Queue, delivery: Delivery, status: str) -> None:
    message = messages(delivery)[0]
    item = AckItem(message.partition_id, message.transaction_id, status, str(delivery.lease_id))
    [answer] = await queue.ack("__QUEUE_MODE__", [item])
    assert answer.success


async def claim(queue: Queue, name: str) -> Delivery:
    """The one message of the queue."""
    delivery = await queue.pop(PopRequest(name, None))
    assert delivery is not None
    return delivery


def poll(queue: Queue, name: str) -> "asyncio.Task[float]":
    """A poll that waits until it has the message, and says when that was."""

    async def waiting() -> float:
        assert await queue.pop(PopRequest(name, None, wait_ms=20_000)) is not None
        return time.perf_counter()

    return asyncio.create_task(waiting())


async def parked(queue: Queue, polls: int = 1) -> None:
    """So many have looked in vain: none of them holds a connection."""

    def all_idle() -> bool:
        pool = queue.gauges.read()
        return queue.wakeups.parked == polls and pool.idle_count == pool.total_count

    await until(all_idle)


async def after(moment_s: float, pause_s: float) -> None:
    await until(lambda: time.perf_counter() >= moment_s + pause_s)


def names_of(attempt: Attempt) -> list[str]:
    """Queues that nobody has used before."""
    return [f"orders-{attempt.number}-{number}" for number in NUMBERS]


async def of_each(work: Callable[[str], Awaitable[float]]) -> list[float]:
    """What the work measured on several queues, one after the other: s."""
    return [await work(f"orders-{number}") for number in NUMBERS]


async def test_a_lease_that_runs_out_is_noticed_at_once(queue: Queue) -> None:
    async def redelivery_s(name: str) -> float:
        await queue.store.configure(name, "", "", QueueOptions(lease_time=1), soon())
        await push(queue, name)
        asked_s = time.perf_counter()
        await claim(queue, name)
        delivered_s = time.perf_counter()
        got_s = await poll(queue, name)
        assert got_s - asked_s > 0.98
        return got_s - delivered_s

    for attempt in attempts():
        with attempt:
            delays_s = await asyncio.gather(*map(redelivery_s, names_of(attempt)))
            in_time(statistics.median(delays_s), 1.5)


async def test_so_is_one_that_was_taken_unheard_while_the_first_in_line_waited(
    queue: Queue, quiet: Queue
) -> None:
    """Whenever between two of its looks: the lease lives longer than the pause between them."""

    async def redelivery_s(name: str, phase_s: float) -> float | None:
        """None: the first in line looked between push and pop, and has the message."""
        await after(looked_s, phase_s)
        await push(queue, name)
        asked_s = time.perf_counter()
        delivered = await queue.pop(PopRequest(name, None))
        delivered_s = time.perf_counter()
        got_s = await polls[name]
        assert not delivered or got_s - asked_s > 0.98
        return got_s - delivered_s if delivered else None

    for attempt in attempts():
        with attempt:
            phases_s = dict(zip(names_of(attempt), PHASES_S, strict=True))
            for name in phases_s:
                await queue.store.configure(name, "", "", QueueOptions(lease_time=1), soon())
            polls = {name: poll(quiet, name) for name in phases_s}
            await parked(quiet, len(polls))
            looked_s = time.perf_counter()
            measured_s = await asyncio.gather(*(redelivery_s(*phase) for phase in phases_s.items()))
            delays_s = [delay_s for delay_s in measured_s if delay_s is not None]
            if len(delays_s) <= len(phases_s) // 2:
                raise TooLate("one look a second cannot meet most of them, unless they are held up")
            in_time(statistics.median(delays_s), 1.5)


async def test_a_lease_that_is_extended_is_waited_for(queue: Queue, quiet: Queue) -> None:
    for attempt in attempts():
        name = f"orders-{attempt.number}"
        with attempt:
            await queue.store.configure(name, "", "", QueueOptions(lease_time=1), soon())
            await push(queue, name)
            asked_s = time.perf_counter()
            held = await claim(queue, name)
            assert held.lease_id is not None
            here, there = poll(queue, name), poll(quiet, name)
            await after(time.perf_counter(), 0.5)
            extending_s = time.perf_counter()
            await queue.store.extend(held.lease_id, 1, soon())
            extended_s = time.perf_counter()
            done, waiting = await asyncio.wait((here, there), return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)
            in_time(extended_s - asked_s, 0.98)  # or it had run out
            got_s = min(task.result() for task in done)
            assert got_s - extending_s > 0.98
            in_time(got_s - extended_s, 1.5)


@pytest.mark.parametrize("status", ["retry", "failed"])
async def test_a_lease_that_is_given_back_is_noticed_at_once(queue: Queue, status: str) -> None:
    async def redelivery_s(name: str) -> float:
        await push(queue, name)
        held = await claim(queue, name)
        polling = poll(queue, name)
        await parked(queue)
        started_s = time.perf_counter()
        await ack(queue, held, status)
        return await polling - started_s

    assert statistics.median(await of_each(redelivery_s)) < 0.2


@pytest.mark.parametrize("options", [QueueOptions(delayed_processing=1), QueueOptions(window_buffer=1)])
async def test_a_message_is_had_when_it_falls_due(queue: Queue, quiet: Queue, options: QueueOptions) -> None:
    """Also where its push was not heard of."""

    async def delay_s(name: str, polling_in: Queue) -> float:
        await queue.store.configure(name, "", "", options, soon())
        polling = poll(polling_in, name)
        await until(lambda: polling_in.wakeups.parked >= len(NUMBERS))
        started_s = time.perf_counter()
        await push(queue, name)
        pushed_s = time.perf_counter()
        got_s = await polling
        assert got_s - started_s > 0.98
        return got_s - pushed_s

    for polling_in in (queue, quiet):
        for attempt in attempts():
            with attempt:
                names = [f"{name}-{polling_in is quiet}" for name in names_of(attempt)]
                delays_s = await asyncio.gather(*(delay_s(name, polling_in) for name in names))
                in_time(statistics.median(delays_s), 1.3)


async def test_a_message_that_falls_due_during_a_look_is_not_left_for_the_fallback(queue: Queue) -> None:
    """The look finds that it is not due yet; when the look ends, it is."""
    await queue.store.configure("orders", "", "", QueueOptions(delayed_processing=1), soon())
    await push(queue, "orders")
    group = await queue.store.register_group("orders", "g", "all", None, soon())
    await queue.sql(
        "create function until_due() returns trigger language plpgsql as "
        "$$ begin perform pg_sleep_until(new.available_at + interval '20 ms'); return new; end $$"
    )
    await queue.sql(
        "create trigger until_due before update on queen.cursors for each row "
        "when (new.available_at < 'infinity') execute function until_due()"
    )
    result = await queue.store.pop(PopQuery(group, "g", None, 1, 1, None), soon())
    assert not result.claimed
    assert result.next_in_ms is not None
    assert result.next_in_ms <= 0


async def test_parked_polls_hold_no_connection(database: Database) -> None:
    async with open_queue(settings_for(database, db_pool_size=1)) as queue:
        polls = [poll(queue, "orders") for _ in range(20)]
        await parked(queue, 20)
        for number in range(20):
            items = [new_message(PartitionName("orders", f"p{number}"), '"x"', "m")]
            await queue.pushers[PushStrategy.BATCH].push(items, soon())
        async with asyncio.timeout(10):
            await asyncio.gather(*polls)
