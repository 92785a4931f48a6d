"""What goes in comes out as much later as asked, in order; to a fraction of a millisecond on Linux."""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import pytest

from queen.local import delay_line
from queen.local.delay_line import DelayLine
from queen.local.precise_timer import LoopTimer, PreciseTimer, precise_timer
from tests.attempts import attempts, in_time

TimerMaker = Callable[[asyncio.AbstractEventLoop, Callable[[], None]], PreciseTimer]


@pytest.fixture(params=[precise_timer, LoopTimer], ids=["of this platform", "of the loop"])
def any_timer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> TimerMaker:
    maker: TimerMaker = request.param
    monkeypatch.setattr(delay_line, "precise_timer", maker)
    return maker


@pytest.mark.usefixtures("any_timer")
async def test_all_come_out_in_order_and_none_too_early() -> None:
    line = DelayLine(asyncio.get_running_loop(), 0.005)
    out: list[tuple[int, float]] = []

    def arrive(number: int, put_at: float) -> None:
        out.append((number, time.monotonic() - put_at))

    for number in range(200):
        line.put(partial(arrive, number, time.monotonic()))
        if number % 7 == 0:
            await asyncio.sleep(0.0005)
    await line.travel()
    line.close()
    assert [number for number, _ in out] == list(range(200))
    assert min(taken for _, taken in out) >= 0.005 - delay_line.GRAIN_S


@pytest.mark.usefixtures("any_timer")
async def test_it_works_again_after_it_was_empty() -> None:
    line = DelayLine(asyncio.get_running_loop(), 0.001)
    for _ in range(5):
        await line.travel()
    line.close()


async def test_without_delay_it_does_not_wait_for_the_loop() -> None:
    line = DelayLine(asyncio.get_running_loop(), 0)
    out: list[int] = []
    line.put(partial(out.append, 1))
    assert out == [1]
    line.close()


@pytest.mark.usefixtures("any_timer")
async def test_closed_it_forgets_what_was_under_way() -> None:
    line = DelayLine(asyncio.get_running_loop(), 0.001)
    out: list[int] = []
    line.put(partial(out.append, 1))
    line.close()
    await asyncio.sleep(0.005)
    assert out == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs timerfd, which only Linux has")
async def test_half_a_millisecond_is_not_a_whole_one() -> None:
    """The loop's own timers have a grain of 1 ms: they would give more than 1 ms here."""
    line = DelayLine(asyncio.get_running_loop(), 0.0005)
    for attempt in attempts():
        with attempt:
            taken_ms = []
            for _ in range(100):
                begin = time.perf_counter()
                await line.travel()
                taken_ms.append((time.perf_counter() - begin) * 1000)
            quartile_ms = statistics.quantiles(taken_ms, n=4)[0]
            assert quartile_ms >= 0.48
            in_time(quartile_ms / 1000, 0.9 / 1000)
    line.close()
