"""Fills the server's pool before the warm-up, so that no window sees connections being made.

A pool grows when requests come. Making a connection costs PostgreSQL some ten milliseconds of CPU, and
its first statements as much again: a pool of 100 takes longer to fill than a short warm-up lasts, and
its first window would say that large pools are slow. So as many pushes as the pool has connections are
sent at once, to a queue that no audit looks at, and then as many questions after its health, each of which
takes a connection whatever the strategy, until the pool is full - over fresh connections each time, since
several workers share the pool and the kernel deals connections out at random.
"""

import asyncio
import time
from contextlib import AsyncExitStack, suppress

import msgspec

from loadtests.sweep import pool_gauges
from loadtests.sweep.http_client import KeptConnection, NoAnswer
from loadtests.sweep.pool_gauges import POOL_PATH

QUEUE = "priming"
PUSH_PATH = "/api/v1/push"
HEALTH_PATH = "/health"
REQUEST_TIMEOUT_S = 10.0
DEADLINE_S = 20.0


async def fill_pool(server_url: str, pool: int, *, deadline_s: float = DEADLINE_S) -> bool:
    """Push until the pool has `pool` connections; False when it has not within the deadline."""
    ends_s = time.perf_counter() + deadline_s
    async with AsyncExitStack() as stack:
        gauges = _connection(server_url, stack)
        while time.perf_counter() < ends_s:
            await _ask_at_once(server_url, pool)
            if await _open_connections(gauges) >= pool:
                return True
    return False


async def _ask_at_once(server_url: str, requests: int) -> None:
    async with AsyncExitStack() as stack:
        connections = [_connection(server_url, stack) for _ in range(requests)]
        async with asyncio.TaskGroup() as group:
            for number, connection in enumerate(connections):
                group.create_task(_push(connection, number))
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(_health(connection))


def _connection(server_url: str, stack: AsyncExitStack) -> KeptConnection:
    connection = KeptConnection(server_url, timeout_s=REQUEST_TIMEOUT_S)
    stack.push_async_callback(connection.close)
    return connection


async def _push(connection: KeptConnection, number: int) -> None:
    item = {"queue": QUEUE, "partition": f"p{number}", "payload": None}
    with suppress(NoAnswer):  # a small DB_CONNECTION_TIMEOUT may refuse some: the next round will do
        await connection.post(PUSH_PATH, msgspec.json.encode({"items": [item]}))


async def _health(connection: KeptConnection) -> None:
    with suppress(NoAnswer):
        await connection.get(HEALTH_PATH)


async def _open_connections(gauges: KeptConnection) -> int:
    with suppress(NoAnswer, msgspec.MsgspecError):
        return pool_gauges.decode(await gauges.get(POOL_PATH)).total_count
    return 0
