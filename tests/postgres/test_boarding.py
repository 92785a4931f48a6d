"""Calls that wait to share one, and the pool: together their figures account for every wait and time-out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from queen.core.looking import PopRequest
from queen.core.store import QUEUE_MODE_GROUP, AckItem, PartitionName
from queen.errors import PoolTimeout
from queen.local.database import Database
from queen.settings import PushStrategy
from tests.attempts import attempts, in_time
from tests.messages import new_message
from tests.waiting import until

from .conftest import Ear, Queue, open_queue, settings_for, soon
from .orders import push

TIMEOUT_MS = 300
EACH = 20  # calls of one kind
SHARING = 3  # kinds that share calls

Ask = Callable[[], Awaitable[Any]]


def kinds(queue: Queue) -> list[Ask]:
    """A call of each kind that shares, then of each that has a connection of its own."""
    ack = AckItem(uuid4(), "a", "completed", "")
    request = PopRequest("orders", None)

    def pushing(strategy: PushStrategy) -> Ask:
        message = new_message(PartitionName("orders", "p"), "1")
        return lambda: queue.pushers[strategy].push([message], soon())

    async def pop() -> None:
        boarded = queue.popper.board(request, Ear())
        assert boarded is not None
        await boarded.rider

    async def plain_ack() -> None:
        boarded = queue.acker.board(QUEUE_MODE_GROUP, [ack], soon())
        assert boarded is not None
        await boarded.rider

    return [
        pushing(PushStrategy.COALESCE),
        pop,
        plain_ack,
        pushing(PushStrategy.BATCH),
        pushing(PushStrategy.SEQUENTIAL),
        lambda: queue.pop(PopRequest("orders", None, batch=1000), Ear()),
        lambda: queue.transactor.apply([new_message(PartitionName("orders", "p"), "1")], [], soon()),
    ]


async def test_every_time_out_is_counted_once_and_every_wait_is_seen(database: Database) -> None:
    # Long enough that all wait at once also where the machine pauses.
    settings = settings_for(database, db_pool_size=1, db_connection_timeout=2_000)
    async with open_queue(settings) as queue:
        await push(queue, "a")
        await queue.pop(PopRequest("orders", None, auto_ack=True))
        asks = kinds(queue)
        async with queue.pool.connection(soon()):
            calls = [asyncio.ensure_future(ask()) for ask in asks for _ in range(EACH)]
            await until(lambda: queue.boarding.read().waiting_count == SHARING * EACH)
            alone = (len(asks) - SHARING) * EACH
            assert queue.gauges.read().waiting_count >= alone + SHARING, "a shared call is a client, too"
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [PoolTimeout] * len(calls)
        assert (queue.boarding.read().timeouts, queue.gauges.read().timeouts) == (SHARING * EACH, alone)
        await until(lambda: queue.gauges.read().waiting_count == 0)
        assert queue.boarding.read().waiting_count == 0


async def test_a_wait_for_a_shared_call_is_no_longer_than_one_for_a_connection(database: Database) -> None:
    """Behind a call that is stuck, and then for a connection: once DB_CONNECTION_TIMEOUT for both."""
    settings = settings_for(database, db_pool_size=1, db_connection_timeout=TIMEOUT_MS)
    async with open_queue(settings) as queue:
        await push(queue, "a")
        for attempt in attempts():
            with attempt:
                async with queue.pool.connection(soon()):
                    told_s = await asyncio.gather(*(time_out_s(queue) for _ in range(3)))
                assert min(told_s) >= TIMEOUT_MS / 1000
                in_time(max(told_s), 1.9 * TIMEOUT_MS / 1000)


async def time_out_s(queue: Queue) -> float:
    """How long a push that shares a call waits until it is told that there is no connection: s."""
    loop = asyncio.get_running_loop()
    asked_s = loop.time()
    boarded = queue.pushers[PushStrategy.COALESCE].board(
        [new_message(PartitionName("orders", "p"), "1")], soon()
    )
    assert boarded is not None
    with pytest.raises(PoolTimeout):
        await boarded.rider
    return loop.time() - asked_s
