from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.target import Boarding, PoolGauges, WaitHistogram
from loadtests.ui.panels import PANELS, Value, panels_after, percentile, values_of
from loadtests.ui.reading import Reading

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
    assert course(readings, "timeouts", "time-outs") == [None, 10.0, 0.0, 20.0]


def test_a_server_that_was_started_anew_gives_no_negative_rate_and_no_waits_of_its_past() -> None:
    readings = [reading(0, 90, (0, 9, 0, 0)), reading(1, 3, (2, 0, 0, 0))]
    assert course(readings, "timeouts", "time-outs") == [None, None]
    assert course(readings, "wait", "p50") == [None, None]


def test_percentiles_of_the_wait_are_those_of_the_waits_between_two_readings() -> None:
    found = drawn([reading(0, waits=(1000, 0, 0, 0)), reading(1, waits=(1000, 10, 0, 0))])
    assert [found["wait", line] for line in ("p50", "p95", "p99")] == [5.5, 9.55, 9.91]


def test_those_who_wait_to_share_a_call_wait_too() -> None:
    """Under `coalesce` they are nearly all: the call that they share is the only one at the pool."""

    def shared(t_s: float, waiting: int, timeouts: int, waits: tuple[int, ...]) -> Reading:
        line = Boarding(waiting, timeouts, WaitHistogram(BOUNDS_MS, waits))
        alone = WaitHistogram(BOUNDS_MS, (0, 0, 0, 0))
        return Reading(t_s=t_s, pool=PoolGauges(8, 2, 1, 20, 0, alone, boarding=line))

    readings = [shared(0, 0, 0, (1000, 0, 0, 0)), shared(1, 37, 5, (1000, 10, 0, 0))]
    found = drawn(readings)
    assert (found["waiting", "for one"], found["waiting", "to share one"]) == (1, 37)
    assert found["wait", "p50"] == 5.5
    assert found["timeouts", "time-outs"] == 5


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
