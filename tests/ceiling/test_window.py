"""A window opens and closes with an end of work, and counts what ended within it."""

import asyncio
import time
from collections.abc import Callable

import pytest

from loadtests.ceiling.account import disagreement, settled
from loadtests.ceiling.window import Asked, Measured, WindowClock, percentile_ms


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def perf_counter(self) -> float:
        return self.now_s


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock.perf_counter)

    def tick(seconds: float) -> None:
        clock.now_s += seconds

    return tick


def test_work_of_the_warm_up_and_behind_the_window_does_not_count(tick: Callable[[float], None]) -> None:
    clock = WindowClock(Asked(warmup_s=0.3, measure_s=1.0, tag="w0", seed=7))
    for _ in range(20):  # ends at 0.25, 0.5 (opens), …, 1.5 (closes), …
        began_s = time.perf_counter()
        tick(0.25)
        clock.done(100, began_s)
    measured = clock.measured(cpu_s=0.5)
    assert (measured.messages, measured.measured_s, measured.value) == (400, 1.0, 400.0)
    assert measured.run_messages == 2000
    assert (measured.p50_ms, measured.p99_ms, measured.faults) == (250.0, 250.0, ())


def test_a_window_that_never_closed_is_a_fault(tick: Callable[[float], None]) -> None:
    clock = WindowClock(Asked(warmup_s=0.3, measure_s=1.0, tag="w0", seed=7))
    tick(0.5)
    clock.done(1, 100.0)
    measured = clock.measured(cpu_s=0.0, faults=("the client gave up",))
    assert measured.value == 0.0
    assert measured.faults == ("the window was never closed", "the client gave up")


@pytest.mark.parametrize(("percent", "expected"), [(50, 50.0), (99, 99.0), (100, 100.0)])
def test_percentiles_are_ranks(percent: float, expected: float) -> None:
    durations_s = [number / 1000 for number in range(100, 0, -1)]
    assert percentile_ms(durations_s, percent) == pytest.approx(expected)
    assert percentile_ms([], percent) is None


@pytest.mark.parametrize(("in_table", "agrees"), [(999, False), (1000, True), (1064, True), (1065, False)])
def test_the_table_may_have_what_was_cut_off_and_nothing_else(in_table: int, agrees: bool) -> None:
    assert (disagreement(in_table, 1000, cut=64) is None) is agrees


def test_a_disagreement_makes_the_window_invalid() -> None:
    measured = Measured(value=1.0, measured_s=1.0, messages=1, run_messages=1)
    assert measured.checked(None) == measured
    checked = measured.checked("2 messages were answered, the table says 1")
    assert checked.unaccounted
    assert checked.faults == ("2 messages were answered, the table says 1",)


async def test_settled_waits_until_no_more_arrives_and_the_server_is_idle() -> None:
    seen = iter([5, 7, 9, 9, 9, 9])
    busy_s = iter([0.0, 0.1, 0.2, 0.3, 0.4, 0.4])

    async def look() -> int:
        await asyncio.sleep(0)
        return next(seen)

    assert await settled(look, lambda: next(busy_s)) == 9
    assert next(seen, None) is None
