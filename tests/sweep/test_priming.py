"""The pool is full before a warm-up begins, on the real server."""

from pathlib import Path

import pytest

from loadtests.sweep import pool_gauges
from loadtests.sweep.http_client import KeptConnection
from loadtests.sweep.pool_gauges import POOL_PATH, PoolReading
from loadtests.sweep.priming import fill_pool
from queen.local.database import Database
from queen.local.server import QueenServer


@pytest.mark.parametrize("workers", [1, 3])
async def test_a_pool_is_filled(tmp_path: Path, database: Database, workers: int) -> None:
    settings = {
        **database.environ(),
        "PORT": "0",
        "DB_POOL_SIZE": "12",
        "NUM_WORKERS": str(workers),
        "LOG_LEVEL": "warn",
    }
    async with QueenServer.start(settings, log=tmp_path / "server.log") as server:
        assert await fill_pool(server.url, 12)
        reading = await read_pool(server.url)
        assert (reading.total_count, reading.connects) == (12, 12)
        assert not await fill_pool(server.url, 13, deadline_s=0.1), "it cannot grow further"


async def read_pool(url: str) -> PoolReading:
    connection = KeptConnection(url, timeout_s=5)
    try:
        return pool_gauges.decode(await connection.get(POOL_PATH))
    finally:
        await connection.close()
