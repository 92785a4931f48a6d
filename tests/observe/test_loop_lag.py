"""The lag is seen, and forgotten after its window; an idle loop is looked at less often."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from queen.observe.loop_lag import INTERVAL_S, RESTING_INTERVAL_S, LoopLag
from tests.waiting import until


def block_for(seconds: float) -> None:
    """Keep the event loop from running anything."""
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        pass


@asynccontextmanager
async def measuring(lag: LoopLag) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(lag.measure_forever())
        await asyncio.sleep(0)
        yield
        task.cancel()


def test_before_the_first_sample() -> None:
    assert LoopLag().worst_ms == 0.0


async def test_a_blocked_loop_shows_and_is_forgotten() -> None:
    lag = LoopLag(interval_s=0.01, resting_interval_s=0.01, window_s=0.05)
    async with measuring(lag):
        block_for(0.2)
        await until(lambda: lag.worst_ms >= 150)
        await until(lambda: lag.worst_ms < 150)


async def test_what_is_older_than_the_window_does_not_count_although_no_sample_has_come_since() -> None:
    lag = LoopLag(interval_s=0.01, window_s=0.3)
    async with measuring(lag):
        block_for(0.2)
        await until(lambda: lag.worst_ms >= 150)
    await until(lambda: lag.worst_ms == 0)


async def test_a_loop_rests_after_a_window_of_silence_and_is_looked_at_closely_again_when_it_works() -> None:
    lag = LoopLag(window_s=0.5)
    async with measuring(lag):
        assert lag.pause_s == INTERVAL_S
        await until(lambda: lag.pause_s == RESTING_INTERVAL_S)
        await asyncio.sleep(INTERVAL_S)  # in the middle of a longer pause
        block_for(0.05)
        await until(lambda: lag.pause_s == INTERVAL_S)


async def test_a_loop_that_stood_still_for_a_moment_without_work_rests_on() -> None:
    lag = LoopLag(window_s=0.5)
    async with measuring(lag):
        await until(lambda: lag.pause_s == RESTING_INTERVAL_S)
        await asyncio.sleep(RESTING_INTERVAL_S - INTERVAL_S)
        time.sleep(INTERVAL_S + 0.05)  # noqa: ASYNC251 - as when the machine stands still
        await until(lambda: lag.worst_ms > 0)
        assert lag.pause_s == RESTING_INTERVAL_S


async def test_a_loop_that_is_blocked_for_long_is_looked_at_closely_although_it_does_no_work() -> None:
    lag = LoopLag(window_s=0.5)
    async with measuring(lag):
        await until(lambda: lag.pause_s == RESTING_INTERVAL_S)
        time.sleep(RESTING_INTERVAL_S + 0.15)  # noqa: ASYNC251
        await until(lambda: lag.pause_s == INTERVAL_S)


async def test_a_block_that_is_longer_than_the_longer_pause_is_always_seen() -> None:
    lag = LoopLag(window_s=0.5)
    async with measuring(lag):
        await until(lambda: lag.pause_s == RESTING_INTERVAL_S)
        await asyncio.sleep(INTERVAL_S)
        block_for(RESTING_INTERVAL_S + 0.1)
        await until(lambda: lag.worst_ms >= 90)
