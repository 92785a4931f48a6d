"""Two servers on one database: one lease holder at a time, and each wakes the other's polls."""

import asyncio

import pytest
import pytest_asyncio

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.attempts import attempts, in_time
from tests.conformance.client import Client, Queue, ids
from tests.waiting import until

from .load import running
from .serving import Servers, gauge

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_MS = 60_000
ROUNDS = 5
WOKEN_WITHIN_S = 0.5  # without a wake-up the poll looks by itself once a second


@pytest_asyncio.fixture(loop_scope="session")
async def two(servers: Servers) -> list[QueenServer]:
    """They need not even store in the same way."""
    return [await servers.get(each) for each in (PushStrategy.BATCH, PushStrategy.COALESCE)]


async def test_one_lease_holder_at_a_time(two: list[QueenServer], database: Database, queue: str) -> None:
    async with running(queue, lambda: two[0].url, lambda: two[1].url) as load:
        await load.progress()
        await load.progress()
        verdict = await load.drained(database)
    print(verdict)
    assert not verdict.findings, str(verdict)
    assert not load.failed()


async def test_a_push_to_one_wakes_a_poll_at_the_other(two: list[QueenServer], queue: str) -> None:
    """Sooner than the poll would look by itself, each time of several in a row."""
    clock = asyncio.get_running_loop().time
    here, there = (Queue(Client.of(server.url), queue) for server in two)
    for attempt in attempts():
        took_s = []
        for number in range(ROUNDS):
            name = f"{attempt.number}-{number}"
            async with asyncio.TaskGroup() as group:
                poll = group.create_task(there.pop(wait=True, timeout=LONG_MS, autoAck=True))
                await until(lambda: gauge(two[1], "parkedPolls", 1))
                began_s = clock()
                await here.push(name)
                assert ids(await poll) == [name]
                took_s.append(clock() - began_s)
        print(f"woken after {[round(each, 4) for each in took_s]} s")
        with attempt:
            in_time(max(took_s), WOKEN_WITHIN_S)
