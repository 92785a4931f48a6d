"""Counts and rates: a rate is that of the last ten whole seconds, by a clock of the test's own."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from queen.observe.activity import Meter
from tests.clock import Clock


def test_what_the_current_second_brings_is_not_in_the_rate_yet() -> None:
    clock = Clock(100.2)
    meter = Meter(clock)
    meter.add(5)
    assert (meter.total, meter.rate) == (5, 0.0)
    clock.now_s = 101.1
    assert (meter.total, meter.rate) == (5, 5.0)


def test_a_young_meter_divides_by_its_age() -> None:
    clock = Clock(100.0)
    meter = Meter(clock)
    meter.add(6)
    clock.now_s = 103.0
    assert meter.rate == 2.0


def test_after_ten_seconds_nothing_is_left() -> None:
    clock = Clock(100.0)
    meter = Meter(clock)
    meter.add(20)
    clock.now_s = 110.9
    assert meter.rate == 2.0
    clock.now_s = 111.0
    assert (meter.total, meter.rate) == (20, 0.0)


@given(st.lists(st.tuples(st.floats(0, 15), st.integers(0, 1000)), max_size=40), st.floats(0, 30))
def test_the_rate_is_the_mean_of_the_ten_seconds_before_this_one(
    steps: Sequence[tuple[float, int]], last_pause_s: float
) -> None:
    clock = Clock(1000.0)
    meter = Meter(clock)
    counted: list[tuple[int, int]] = []  # second, count
    for pause_s, count in steps:
        clock.now_s += pause_s
        meter.add(count)
        counted.append((int(clock.now_s), count))
    clock.now_s += last_pause_s
    now = int(clock.now_s)
    recent = sum(count for second, count in counted if now - 10 <= second < now)
    assert meter.total == sum(count for _, count in counted)
    assert meter.rate == recent / min(10, max(1, now - 1000))
