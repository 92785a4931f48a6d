from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust import stats
from locust.stats import RequestStats

from loadtests.load.measuring import locust_stats
from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.locust_stats import (
    HELD,
    LAG,
    PUSH,
    PUSH_INTENDED,
    LiveEntry,
    bucket_response_time,
)
from loadtests.load.measuring.outcome import ALL_QUEUED, Fate, PushOutcome, no_answer
from loadtests.load.run import LiveStatistics

REFUSED = PushOutcome((Fate.REFUSED,), 503, "pool_timeout", "timeout exceeded when trying to connect")


@pytest.fixture(autouse=True)
def locusts_own_settings() -> Iterator[None]:
    before = (stats.bucket_response_time, stats.PERCENTILES_TO_CHART, stats.PERCENTILES_TO_STATISTICS)
    locust_stats.install()
    yield
    stats.bucket_response_time, stats.PERCENTILES_TO_CHART, stats.PERCENTILES_TO_STATISTICS = before


@given(st.floats(0.001, 3_600_000))
def test_latencies_keep_three_digits_down_to_a_microsecond(latency_ms: float) -> None:
    bucket = bucket_response_time(latency_ms)
    assert abs(bucket - latency_ms) <= max(0.0005001, 0.00501 * latency_ms)
    assert bucket_response_time(bucket) == bucket


def test_there_are_few_buckets() -> None:
    assert len({bucket_response_time(micros / 1000) for micros in range(100_000)}) < 3_000


def test_a_sub_millisecond_median_is_shown() -> None:
    statistics = RequestStats()
    entry = LiveEntry("POST", PUSH)
    for _ in range(100):
        entry.record(84e-6, 500)
    entry.flush(statistics)
    shown = statistics.get(PUSH, "POST")
    assert shown.median_response_time == pytest.approx(0.084)
    assert (shown.num_requests, shown.total_content_length) == (100, 50_000)


@pytest.mark.parametrize("open_loop", [True, False])
def test_the_second_clock_does_not_double_the_totals(open_loop: bool) -> None:
    statistics = RequestStats()
    live = LiveStatistics(statistics, open_loop=open_loop)
    for _ in range(3):
        live.pushed(10.0, Attempt(ALL_QUEUED, 10.0, 10.0, 10.002, 100))
        live.flush()
    live.flush()
    assert statistics.get(PUSH, "POST").num_requests == 3
    assert ((PUSH_INTENDED, "POST") in statistics.entries) == open_loop
    if open_loop:
        assert statistics.get(PUSH_INTENDED, "POST").num_requests == 3
    assert statistics.total.num_requests == 3
    assert sum(statistics.total.num_reqs_per_sec.values()) == 3


def test_the_second_clock_shows_the_wait_before_the_send() -> None:
    statistics = RequestStats()
    live = LiveStatistics(statistics, open_loop=True)
    live.pushed(10.0, Attempt(ALL_QUEUED, 11.0, 11.0, 11.002, 100))
    live.flush()
    assert statistics.get(PUSH, "POST").max_response_time == pytest.approx(2)
    assert statistics.get(PUSH_INTENDED, "POST").max_response_time == pytest.approx(1002)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_the_schedules_lag_and_holds_are_rows_that_the_totals_do_not_know(elsewhere: bool) -> None:
    statistics = RequestStats()
    live = LiveStatistics(statistics, open_loop=True)
    pushed = live.pushed_elsewhere if elsewhere else live.pushed
    pushed(10.0, Attempt(ALL_QUEUED, 10.5, 10.5, 10.502, 100))
    pushed(10.0, Attempt(REFUSED, 10.7, 10.7, 10.701))
    live.held_back(2.0)
    live.flush()
    lag, held = statistics.get(LAG, ""), statistics.get(HELD, "")
    assert (lag.num_requests, held.num_requests) == (2, 1)
    assert [lag.max_response_time, held.max_response_time] == pytest.approx([700, 2000])
    assert statistics.total.num_requests == (0 if elsewhere else 2)


@pytest.mark.parametrize(("elsewhere", "rows"), [(True, []), (False, [(PUSH, "POST")])])
def test_a_closed_loop_has_neither_lag_nor_intended_start_to_show(
    elsewhere: bool, rows: list[tuple[str, str]]
) -> None:
    statistics = RequestStats()
    live = LiveStatistics(statistics, open_loop=False)
    pushed = live.pushed_elsewhere if elsewhere else live.pushed
    pushed(10.0, Attempt(ALL_QUEUED, 10.0, 10.0, 10.002, 100))
    live.flush()
    assert list(statistics.entries) == rows


def test_failures_stand_in_locusts_failure_table() -> None:
    statistics = RequestStats()
    live = LiveStatistics(statistics, open_loop=False)
    live.pushed(10.0, Attempt(no_answer("reset"), 10.0, 10.0, 10.5))
    live.flush()
    (error,) = statistics.errors.values()
    assert (error.name, error.occurrences) == (PUSH, 1)
    assert "no_answer: reset" in str(error.error)
    assert statistics.total.num_failures == 1
    assert statistics.total.num_requests == 1


@pytest.mark.parametrize("open_loop", [True, False])
def test_a_failure_at_once_improves_no_percentile(open_loop: bool) -> None:
    statistics = RequestStats()
    live = LiveStatistics(statistics, open_loop=open_loop)
    live.pushed(10.0, Attempt(ALL_QUEUED, 10.0, 10.0, 10.1))
    for _ in range(9):
        live.pushed(10.0, Attempt(REFUSED, 10.0, 10.0, 10.001))
    live.flush()
    rows = [(PUSH, "POST"), (PUSH_INTENDED, "POST")] if open_loop else [(PUSH, "POST")]
    for shown in (*(statistics.entries[row] for row in rows), statistics.total):
        assert shown.median_response_time == pytest.approx(100, rel=0.01)
        assert shown.min_response_time == pytest.approx(100, rel=0.01)
    assert (statistics.total.num_requests, statistics.total.num_failures) == (10, 9)
