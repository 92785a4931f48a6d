"""The sampler works beside a load and leaves nothing behind."""

import asyncio
import os
import threading

from loadtests.sweep.databases import connect
from loadtests.sweep.sampling import Sources, sampled
from queen.local.database import Database
from tests.load.fake_server import SeenRequest, fake_server, response

DEADLINE_S = 10.0


async def test_it_looks_while_the_block_runs_and_closes_its_connection_at_the_end(
    each_database: Database,
) -> None:
    asked_again = threading.Event()

    def no_pool(request: SeenRequest) -> bytes:
        if request.number == 1:
            asked_again.set()
        return response(200, b"{}")

    connection = await connect(each_database)
    try:
        with fake_server(no_pool) as server:  # at the second request the first look is complete
            sources = Sources(
                server_url=server.url,
                database=each_database.name,
                activity=connection,
                server_pid=os.getpid(),
                generator_pid=os.getpid(),
                own_pid=os.getpid(),
            )
            async with sampled(sources) as looks:
                assert await asyncio.to_thread(asked_again.wait, DEADLINE_S)
            assert looks[0].pool is None  # the answer was none
            assert looks[0].activity is not None
            assert await asyncio.to_thread(server.closed.acquire, timeout=DEADLINE_S)
    finally:
        await connection.close()
