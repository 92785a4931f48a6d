"""A closed loop of GET requests from this process: for what wrk would do where it is not installed.

It costs more CPU than wrk and shows less of a fast server.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from loadtests.ceiling.window import Asked, Measured, WindowClock
from loadtests.sweep.http_client import KeptConnection, NoAnswer

TIMEOUT_S = 30.0
Exchange = Callable[[KeptConnection], Awaitable[int]]  # requests that belong together; returns the messages


async def closed_loop(url: str, connections: int, exchange: Exchange, asked: Asked) -> Measured:
    """Each connection exchanges without a pause until the window is closed; the rest is cut off then."""
    clock = WindowClock(asked)

    async def client() -> str | None:
        connection = KeptConnection(url, timeout_s=TIMEOUT_S)
        try:
            while not clock.closed:
                began_s = time.perf_counter()
                clock.done(await exchange(connection), began_s)
        except (NoAnswer, msgspec.MsgspecError) as error:
            return f"a client gave up: {error}"
        finally:
            await connection.close()
        return None

    cpu_s = time.process_time()
    clients = [asyncio.create_task(client()) for _ in range(connections)]
    try:
        ended, _ = await asyncio.wait(clients, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in clients:
            each.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    faults = {fault for each in ended if (fault := each.result())}
    return clock.measured(cpu_s=time.process_time() - cpu_s, faults=tuple(faults))
