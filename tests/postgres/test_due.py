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
from tests.messages import new_message
from tests.waiting import until

from .conftest import Queue, open_queue, settings_for, soon
from .delivered import messages

NAMES = [f"orders-{number}" for number in range(5)]
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


async def claim(queue: Queue, name: str) -> tuple[Delivery, float]:
    """The one message of the queue, and when it was delivered."""
    delivery = await queue.pop(PopRequest(name, None))
    assert delivery is not None
    return delivery, time.perf_counter()


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


async def of_each(work: Callable[[str], Awaitable[float]]) -> list[float]:
    """What the work measured on several queues, one after the other: s."""
    return [await work(name) for name in NAMES]


async def test_a_lease_that_runs_out_is_noticed_at_once(queue: Queue) -> None:
    async def redelivery_s(name: str) -> float:
        await queue.store.configure(name, "", "", QueueOptions(lease_time=1), soon())
        await push(queue, name)
        _, delivered_s = await claim(queue, name)
        return await poll(queue, name) - delivered_s

    delays_s = await asyncio.gather(*map(redelivery_s, NAMES))
    assert min(delays_s) > 0.98
    assert statistics.median(delays_s) < 1.5


async def test_so_is_one_that_was_taken_unheard_while_the_first_in_line_waited(
    queue: Queue, quiet: Queue
) -> None:
    """Whenever between two of its looks: the lease lives longer than the pause between them."""

    async def redelivery_s(name: str, phase_s: float) -> float | None:
        """None: the first in line looked between push and pop, and has the message."""
        await after(looked_s, phase_s)
        await push(queue, name)
        delivered = await queue.pop(PopRequest(name, None))
        delivered_s = time.perf_counter()
        return await polls[name] - delivered_s if delivered else None

    phases_s = dict(zip(NAMES, PHASES_S, strict=True))
    for name in NAMES:
        await queue.store.configure(name, "", "", QueueOptions(lease_time=1), soon())
    polls = {name: poll(quiet, name) for name in NAMES}
    await parked(quiet, len(polls))
    looked_s = time.perf_counter()
    measured_s = await asyncio.gather(*(redelivery_s(*phase) for phase in phases_s.items()))
    delays_s = [delay_s for delay_s in measured_s if delay_s is not None]
    assert len(delays_s) > len(NAMES) // 2, "one look a second cannot meet most of them"
    assert min(delays_s) > 0.98
    assert statistics.median(delays_s) < 1.5


async def test_a_lease_that_is_extended_is_waited_for(queue: Queue, quiet: Queue) -> None:
    await queue.store.configure("orders", "", "", QueueOptions(lease_time=1), soon())
    await push(queue, "orders")
    held, delivered_s = await claim(queue, "orders")
    assert held.lease_id is not None
    here, there = poll(queue, "orders"), poll(quiet, "orders")
    await after(delivered_s, 0.5)
    await queue.store.extend(held.lease_id, 1, soon())
    done, waiting = await asyncio.wait((here, there), return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    [got] = done
    assert 1.48 < got.result() - delivered_s < 2.0


@pytest.mark.parametrize("status", ["retry", "failed"])
async def test_a_lease_that_is_given_back_is_noticed_at_once(queue: Queue, status: str) -> None:
    async def redelivery_s(name: str) -> float:
        await push(queue, name)
        held, _ = await claim(queue, name)
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
        await until(lambda: polling_in.wakeups.parked >= len(NAMES))
        started_s = time.perf_counter()
        await push(queue, name)
        return await polling - started_s

    for polling_in in (queue, quiet):
        names = [f"{name}-{polling_in is quiet}" for name in NAMES]
        delays_s = await asyncio.gather(*(delay_s(name, polling_in) for name in names))
        assert min(delays_s) > 0.98
        assert statistics.median(delays_s) < 1.3


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
