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
    """Each connection exchanges without a pause until the window is closed."""
    clock = WindowClock(asked)
    errors: list[str] = []

    async def client() -> None:
        connection = KeptConnection(url, timeout_s=TIMEOUT_S)
        try:
            while not clock.closed:
                began_s = time.perf_counter()
                clock.done(await exchange(connection), began_s)
        except (NoAnswer, msgspec.MsgspecError) as error:
            errors.append(str(error))
        finally:
            await connection.close()

    cpu_s = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(client())
    faults = (f"{len(errors)} clients gave up: {errors[0]}",) if errors else ()
    return clock.measured(cpu_s=time.process_time() - cpu_s, faults=faults)
