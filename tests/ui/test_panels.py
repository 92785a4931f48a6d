from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.target import PoolGauges, WaitHistogram
from loadtests.ui.live import Reading
from loadtests.ui.panels import NO_DATABASE, Panel, panels, percentile

BOUNDS_MS = (1.0, 10.0, 100.0)


def reading(t_s: float, timeouts: int = 0, waits: tuple[int, ...] = (0, 0, 0, 0), limit: int = 20) -> Reading:
    gauges = PoolGauges(8, 2, 0, limit, timeouts, WaitHistogram(BOUNDS_MS, waits))
    return Reading(t_s=t_s, pool=gauges)


def drawn(readings: Sequence[Reading], key: str) -> Panel:
    return next(panel for panel in panels(readings) if panel.key == key)


def values(readings: Sequence[Reading], key: str) -> list[tuple[float | None, ...]]:
    return [line.values for line in drawn(readings, key).lines]


def test_each_panel_has_a_value_for_each_reading_and_says_why_when_it_has_none() -> None:
    readings = [reading(0), reading(1), Reading(t_s=2)]
    shown = panels(readings)
    assert all(len(line.values) == 3 for panel in shown for line in panel.lines)
    assert all(panel.why for panel in shown)
    assert drawn(readings, "pool").available
    assert not drawn(readings, "states").available
    assert drawn(readings, "states").why == NO_DATABASE
    assert not any(panel.available for panel in panels([]))


def test_the_limit_is_drawn_as_it_was_at_the_time() -> None:
    assert drawn([reading(0, limit=20), reading(1, limit=7)], "pool").limit == (20, 7)


def test_a_rate_is_that_of_the_last_five_seconds() -> None:
    readings = [reading(t_s, timeouts) for t_s, timeouts in ((0, 0), (3, 30), (6, 30), (9, 90))]
    assert values(readings, "timeouts") == [(None, 10.0, 0.0, 20.0)]


def test_a_server_that_was_started_anew_gives_no_negative_rate_and_no_waits_of_its_past() -> None:
    before, after = (0, 9, 0, 0), (2, 0, 0, 0)
    readings = [reading(0, 90, before), reading(1, 3, after)]
    assert values(readings, "timeouts") == [(None, None)]
    assert values(readings, "wait") == [(None, None)] * 3


def test_percentiles_of_the_wait_are_those_of_the_waits_between_two_readings() -> None:
    readings = [reading(0, waits=(1000, 0, 0, 0)), reading(1, waits=(1000, 10, 0, 0))]
    p50, p95, p99 = (line[1] for line in values(readings, "wait"))
    assert (p50, p95, p99) == pytest.approx((5.5, 9.55, 9.91))


@given(counts=st.lists(st.integers(0, 50), min_size=4, max_size=4), share=st.floats(0.01, 1.0))
def test_a_percentile_lies_in_the_bucket_that_holds_its_rank(counts: list[int], share: float) -> None:
    found = percentile(BOUNDS_MS, counts, share)
    if not sum(counts):
        assert found is None
        return
    assert found is not None
    durations = [bound for bound, count in zip((1, 10, 100, 1000), counts, strict=True) for _ in range(count)]
    rank = share * len(durations)
    upper = next(bound for bound in (1, 10, 100, 1000) if sum(each <= bound for each in durations) >= rank)
    lower = {1: 0.0, 10: 1.0, 100: 10.0, 1000: 100.0}[upper]
    assert lower <= found <= min(upper, 100.0)
