"""Two servers on one database: one lease holder at a time, and each wakes the other's polls."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.conformance.client import Client, Queue, ids
from tests.waiting import until

from .load import running
from .serving import environ, gauge

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_MS = 60_000
ROUNDS = 5
WOKEN_WITHIN_S = 0.5  # without a wake-up the poll looks by itself once a second


@pytest_asyncio.fixture(loop_scope="session")
async def servers(database: Database, tmp_path: Path) -> AsyncIterator[list[QueenServer]]:
    variables = environ(database, PushStrategy.BATCH)
    async with (
        QueenServer.start(variables, log=tmp_path / "one.log") as one,
        QueenServer.start(variables, log=tmp_path / "two.log") as two,
    ):
        yield [one, two]


async def test_one_lease_holder_at_a_time(servers: list[QueenServer], database: Database) -> None:
    one, two = servers
    async with running("orders", lambda: one.url, lambda: two.url) as load:
        await load.progress()
        await load.progress()
        verdict = await load.drained(database)
    print(verdict)
    assert not verdict.findings, str(verdict)
    assert not load.failed()


async def test_a_push_to_one_wakes_a_poll_at_the_other(servers: list[QueenServer]) -> None:
    """Each time, and sooner than the poll would look by itself."""
    clock = asyncio.get_running_loop().time
    here, there = (Queue(Client.of(server.url), "orders") for server in servers)
    took_s = []
    for number in range(ROUNDS):
        async with asyncio.TaskGroup() as group:
            poll = group.create_task(there.pop(wait=True, timeout=LONG_MS, autoAck=True))
            await until(lambda: gauge(servers[1], "parkedPolls", 1))
            began_s = clock()
            await here.push(str(number))
            assert ids(await poll) == [str(number)]
            took_s.append(clock() - began_s)
    print(f"woken after {[round(each, 4) for each in took_s]} s")
    assert max(took_s) < WOKEN_WITHIN_S
