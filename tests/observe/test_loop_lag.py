"""The lag is seen, and forgotten after its window."""

import asyncio
import time

from queen.observe.loop_lag import LoopLag
from tests.waiting import until


def block_for(seconds: float) -> None:
    """Keep the event loop from running anything."""
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        pass


def test_before_the_first_sample() -> None:
    assert LoopLag().worst_ms == 0.0


async def test_a_blocked_loop_shows_and_is_forgotten() -> None:
    lag = LoopLag(interval_s=0.01, window_s=0.05)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(lag.measure_forever())
        await asyncio.sleep(0)
        block_for(0.2)
        await until(lambda: lag.worst_ms >= 150)
        await until(lambda: lag.worst_ms < 150)
        task.cancel()
