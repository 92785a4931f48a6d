from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.measuring.histogram import HistogramCounts
from loadtests.load.target import Boarding, PoolGauges, WaitHistogram
from loadtests.ui.panels import PANELS, panels_after, values_of
from loadtests.ui.reading import Reading, RunView
from loadtests.ui.recent import Value, percentile

BOUNDS_MS = (1.0, 10.0, 100.0)


def reading(t_s: float, timeouts: int = 0, waits: tuple[int, ...] = (0, 0, 0, 0), limit: int = 20) -> Reading:
    gauges = PoolGauges(8, 2, 0, limit, timeouts, WaitHistogram(BOUNDS_MS, waits))
    return Reading(t_s=t_s, pool=gauges)


def drawn(readings: Sequence[Reading]) -> dict[tuple[str, str], Value]:
    """(panel, line) → value of the last of the readings."""
    names = [(panel.key, name) for panel in PANELS for name in (*panel.lines, *(["limit"] * panel.has_limit))]
    return dict(zip(names, values_of(readings), strict=True))


def course(readings: Sequence[Reading], panel: str, line: str) -> list[Value]:
    return [drawn(readings[: place + 1])[panel, line] for place in range(len(readings))]


def test_what_is_not_known_has_no_value_and_each_panel_can_say_why() -> None:
    assert set(drawn([Reading(t_s=2)]).values()) == {None}
    assert all(panel.why for panel in PANELS)
    known = {panel for (panel, _), value in drawn([reading(0), reading(1)]).items() if value is not None}
    assert known == {"pool", "waiting", "timeouts"}


def test_before_there_are_readings_nothing_is_said_about_the_server() -> None:
    for readings in (0, 1):
        assert {panel.why for panel in panels_after(readings)} == {"nothing has been read yet"}
    assert panels_after(2) == PANELS


def test_the_limit_is_drawn_as_it_was_at_the_time() -> None:
    assert course([reading(0, limit=20), reading(1, limit=7)], "pool", "limit") == [20, 7]


def test_a_rate_is_that_of_the_last_five_seconds() -> None:
    readings = [reading(t_s, timeouts) for t_s, timeouts in ((0, 0), (3, 30), (6, 30), (9, 90))]
    assert course(readings, "timeouts", "for a connection") == [None, 10.0, 0.0, 20.0]


def test_a_server_that_was_started_anew_gives_no_negative_rate_and_no_waits_of_its_past() -> None:
    readings = [reading(0, 90, (0, 9, 0, 0)), reading(1, 3, (2, 0, 0, 0))]
    assert course(readings, "timeouts", "for a connection") == [None, None]
    assert course(readings, "wait", "p50") == [None, None]


def test_percentiles_of_the_wait_are_those_of_the_waits_between_two_readings() -> None:
    found = drawn([reading(0, waits=(1000, 0, 0, 0)), reading(1, waits=(1000, 10, 0, 0))])
    assert [found["wait", line] for line in ("p50", "p95", "p99")] == [5.5, 9.55, 9.91]


def test_who_waits_to_share_a_call_is_never_added_to_who_waits_for_a_connection() -> None:
    """Under `coalesce` a call waits at the pool, and those who share it wait before: two questions."""

    def shared(t_s: float, timeouts: tuple[int, int], calls: int, requests: int) -> Reading:
        line = Boarding(37, timeouts[1], WaitHistogram(BOUNDS_MS, (1000, requests, 0, 0)))
        alone = WaitHistogram(BOUNDS_MS, (calls, 0, 0, 0))
        return Reading(t_s=t_s, pool=PoolGauges(8, 2, 1, 20, timeouts[0], alone, boarding=line))

    found = drawn([shared(0, (0, 0), 0, 0), shared(1, (2, 5), 10, 10)])
    assert (found["waiting", "calls for a connection"], found["waiting", "requests to share a call"]) == (
        1,
        37,
    )
    assert (found["wait", "p50"], found["boarding", "p50"]) == (0.5, 5.5)
    assert (found["timeouts", "for a connection"], found["timeouts", "to share a call"]) == (2, 5)


def running(
    t_s: float, *, window: int = 1, tag: str = "t", age_s: float = 600.0, **seen: int | HistogramCounts
) -> Reading:
    return Reading(t_s=t_s, run=RunView(place=(tag, window), age_s=age_s + t_s, **seen))  # type: ignore[arg-type]


def answered(*buckets: tuple[int, int]) -> HistogramCounts:
    return HistogramCounts(buckets=buckets)


def test_a_stall_is_seen_at_once_however_long_the_run_has_been_on_and_is_gone_when_it_is_over() -> None:
    """Ten minutes of answers in 2 ms: a hundred late ones move no percentile of the whole."""
    calm, stalled = answered((2000, 600_000)), answered((2000, 600_000), (5_000_000, 100))
    over = answered((2000, 600_500), (5_000_000, 100))
    seen = [(0, calm), (1, calm), (2, stalled), (3, stalled), (8, over), (9, over)]
    readings = [running(t_s, service=both, response=both, lag=both) for t_s, both in seen]
    for line in ("from the intended start", "from the send"):
        assert course(readings, "latency", line) == [None, None, 5000.0, 5000.0, 2.0, None]


def test_a_server_that_stalls_makes_readings_sparse_and_its_rate_is_zero_and_not_unknown() -> None:
    sparse = [running(t_s, acknowledged=900) for t_s in (0, 7, 14, 40)]
    assert course(sparse, "pushed", "acknowledged") == [None, 0.0, 0.0, None]  # nobody looked for long


def test_what_is_counted_from_the_start_of_a_window_is_all_recent_when_the_window_is() -> None:
    before = running(10, window=1, acknowledged=9000, service=answered((1000, 9000)))
    opened = running(11, window=2, age_s=-10, acknowledged=50, service=answered((3000, 50)))
    later = running(12, window=2, age_s=-10, acknowledged=150, service=answered((3000, 150)))
    readings = [before, opened, later]
    assert course(readings, "latency", "from the send") == [None, 3.0, 3.0]
    assert course(readings, "pushed", "acknowledged") == [None, 50.0, 75.0]


def test_another_run_is_not_a_continuation_of_the_one_before() -> None:
    first = running(10, tag="one", acknowledged=10, service=answered((9000, 10)))
    second = running(11, tag="two", age_s=-10, acknowledged=30, service=answered((1000, 30)))
    found = drawn([first, second])
    assert (found["latency", "from the send"], found["pushed", "acknowledged"]) == (1.0, 30.0)


def test_counts_that_shrink_are_no_rate_and_no_percentile() -> None:
    """Of a worker that is lost less may be known than before."""
    readings = [
        running(0, acknowledged=10, service=answered((1000, 5), (2000, 5))),
        running(1, acknowledged=8, service=answered((1000, 9))),
    ]
    found = drawn(readings)
    assert (found["latency", "from the send"], found["pushed", "acknowledged"]) == (None, None)


def test_pushes_that_are_under_way_missed_and_held_have_lines_of_their_own() -> None:
    found = drawn([running(0, in_flight=4, missed=10, held=0), running(2, in_flight=9, missed=30, held=8)])
    assert found["in_flight", "in flight"] == 9
    assert (found["not_sent", "missed"], found["not_sent", "held back"]) == (10.0, 4.0)


def test_the_schedule_lag_is_that_of_the_last_seconds_too() -> None:
    readings = [running(0, lag=answered((50, 1000))), running(1, lag=answered((50, 1000), (40_000, 10)))]
    assert course(readings, "generator", "schedule lag")[-1] == 40.0


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
