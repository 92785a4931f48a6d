"""The sampler works beside a load and leaves nothing behind."""

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from loadtests.sweep.databases import connect
from loadtests.sweep.pool_gauges import Histogram, PoolReading, Workers
from loadtests.sweep.sampling import Sampler, Sources, sampled
from queen.local.database import Database
from queen.local.open_database import Connection
from tests.attempts import attempts, in_time
from tests.load.fake_server import SeenRequest, fake_server, response

DEADLINE_S = 10.0


@pytest_asyncio.fixture
async def activity(each_database: Database) -> AsyncIterator[Connection]:
    """The sampler's connection to a database."""
    connection = await connect(each_database)
    yield connection
    await connection.close()


def sources(server_url: str, database: Database, activity: Connection, server_pid: int) -> Sources:
    return Sources(
        server_url=server_url,
        database=database.name,
        activity=activity,
        server_pid=server_pid,
        generator_pid=os.getpid(),
        own_pid=os.getpid(),
    )


async def test_it_looks_while_the_block_runs_and_closes_its_connection_at_the_end(
    each_database: Database, activity: Connection
) -> None:
    asked_again = threading.Event()

    def no_pool(request: SeenRequest) -> bytes:
        if request.number == 1:
            asked_again.set()
        return response(200, b"{}")

    with fake_server(no_pool) as server:  # at the second request the first look is complete
        async with sampled(sources(server.url, each_database, activity, os.getpid())) as looks:
            assert await asyncio.to_thread(asked_again.wait, DEADLINE_S)
        assert looks[0].pool is None  # the answer was none
        assert looks[0].activity is not None
        assert await asyncio.to_thread(server.closed.acquire, timeout=DEADLINE_S)


@pytest.mark.parametrize("answered", [1, 2])
async def test_a_pool_without_one_of_the_workers_is_none(
    each_database: Database, activity: Connection, answered: int
) -> None:
    nothing = Histogram((0,))
    told = PoolReading(1, 1, 0, 7, 0, 1, 0, 0.0, 0.0, 0.0, 0.0, nothing, nothing, 0.0, Workers(2, answered))
    with fake_server(lambda _request: response(200, msgspec.json.encode(told))) as server:
        sampler = Sampler(sources(server.url, each_database, activity, os.getpid()))
        look = await sampler.look(with_tree=False)
        await sampler.close()
    assert look.pool == (told if answered == 2 else None)


async def test_what_the_pool_says_is_of_the_time_between_question_and_answer(
    each_database: Database, activity: Connection
) -> None:
    handled: list[float] = []
    nothing = Histogram((0,))
    told = PoolReading(1, 1, 0, 7, 0, 1, 0, 0.0, 0.0, 0.0, 0.0, nothing, nothing, 0.0)

    def slow(_: SeenRequest) -> bytes:
        handled.append(time.perf_counter())
        threading.Event().wait(0.3)
        return response(200, msgspec.json.encode(told))

    with fake_server(slow) as server:
        sampler = Sampler(sources(server.url, each_database, activity, os.getpid()))
        for attempt in attempts():
            with attempt:
                handled.clear()
                asked_s = time.perf_counter()
                look = await sampler.look(with_tree=False)
                assert look.pool == told
                in_time(handled[0] - asked_s, 0.2)  # or the middle is before the server heard of it
                assert handled[0] < look.pool_at_s < look.at_s - 0.1
        await sampler.close()


async def test_the_workers_of_a_server_count_as_the_server(
    each_database: Database, activity: Connection, parent: "subprocess.Popen[str]"
) -> None:
    with fake_server(lambda _request: response(200, b"{}")) as server:
        sampler = Sampler(sources(server.url, each_database, activity, parent.pid))
        look = await sampler.look(with_tree=False)
        await sampler.close()
    assert look.server is not None
    assert 0.3 <= look.server.cpu_s < 2  # its child's
