"""A server as cells see it, with a real database and with HTTP answers as the test says."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg

from loadtests.ceiling.bench import Bench
from loadtests.ceiling.servers import RunningServer, ServerConfig
from loadtests.ceiling.window import Asked
from loadtests.sweep.processes import TreeMeter
from queen.local.database import Database
from queen.local.postgres import PostgresServer
from queen.postgres.migrate import migrate
from tests.databases import connected

ASKED = Asked(warmup_s=0.02, measure_s=0.1, tag="w0", seed=7)


@asynccontextmanager
async def standing(
    config: ServerConfig, database: Database, postgres: PostgresServer, staging: Path, url: str = ""
) -> AsyncIterator[tuple[RunningServer, Bench]]:
    """The server and a bench that holds nothing else; there is no wrk."""

    async def no_checkpoint() -> None:
        """Nothing."""

    pool = asyncpg.create_pool(
        host=database.host, port=database.port, user=database.user, database=database.name, min_size=1
    )
    async with pool, pool.acquire() as connection:
        await migrate(connection)
    async with connected(database) as control, AsyncExitStack() as stack:
        meter = TreeMeter(postgres.pid)
        server = RunningServer(config, url, database, control, meter, postgres.pid)
        yield (
            server,
            Bench(
                servers={config: server},
                postgres=meter,
                data=None,
                pgbench=None,
                wrk=None,
                load_s=ASKED.warmup_s + ASKED.measure_s,
                checkpoint=no_checkpoint,
                staging=staging,
                stack=stack,
            ),
        )
