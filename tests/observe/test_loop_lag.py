"""The lag is seen, and forgotten after its window."""

import asyncio
import time
from collections.abc import Callable

from queen.observe.loop_lag import LoopLag


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the gauge has no event
            await asyncio.sleep(0.001)


def block_for(seconds: float) -> None:
    """Keep the event loop from running anything."""
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        pass


def test_before_the_first_sample() -> None:
    assert (LoopLag().last_ms, LoopLag().worst_ms) == (0.0, 0.0)


async def test_a_blocked_loop_shows_and_is_forgotten() -> None:
    lag = LoopLag(interval_s=0.01, window_s=0.05)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(lag.measure_forever())
        await asyncio.sleep(0)
        block_for(0.2)
        await until(lambda: lag.worst_ms >= 150)
        await until(lambda: lag.last_ms < 150)
        await until(lambda: lag.worst_ms < 150)
        task.cancel()
