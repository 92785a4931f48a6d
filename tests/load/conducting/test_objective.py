"""What is said of a stage, from what was measured of it."""

import pytest
from msgspec.structs import replace

from loadtests.load.conducting.objective import Clock, Judgement, Objective, judge
from tests.load.measured import Second, window

GOOD = Second()
SLOW = Second(service_ms=80.0)
OBJECTIVE = Objective(p99_ms=50.0)


def judged(
    *seconds: Second, objective: Objective = OBJECTIVE, asked: float = 0, cpu_s: float = 0
) -> Judgement:
    return judge(window(seconds, cpu_s=cpu_s), objective, asked=asked)


def test_a_stage_whose_pushes_are_answered_in_time_meets_the_objective() -> None:
    judgement = judged(*[GOOD] * 10, asked=1000)
    assert (judgement.met, judgement.steady, judgement.limit) == (True, True, "")
    assert judgement.line == "met: p99 5.1 ms"


@pytest.mark.parametrize(
    ("slow", "met"),
    [(1, True), (2, False)],  # of 100 in each second
)
def test_one_of_a_hundred_may_be_slow(slow: int, met: bool) -> None:
    assert judged(*[Second(slow=slow, service_ms=6.0)] * 4).met is met


@pytest.mark.parametrize("second", [Second(ok=98, pending=2), Second(failed=1), Second(held=1)])
def test_what_is_not_answered_refused_or_held_back_is_not_forgotten(second: Second) -> None:
    judgement = judged(*[second] * 4)
    assert not judgement.met
    assert judgement.limit == ""  # it is the server's


def test_where_nothing_was_due_nothing_is_shown() -> None:
    assert not judged().met
    assert not judged(*[Second(ok=0)] * 4).met


def test_a_stage_that_had_not_settled_in_its_first_half_is_not_steady() -> None:
    judgement = judged(SLOW, SLOW, GOOD, GOOD)
    assert (judgement.met, judgement.steady) == (False, False)
    assert "not steady" in judgement.line


def test_a_stage_that_gets_worse_is_not_steady_although_it_met_the_objective() -> None:
    worse = Second(slow=2, service_ms=6.0)
    judgement = judged(*[GOOD] * 5, GOOD, GOOD, worse, worse, worse)
    assert (judgement.met, judgement.steady) == (True, False)


def test_a_window_whose_steps_do_not_tell_of_all_its_pushes_shows_nothing() -> None:
    measured = window([GOOD] * 4)
    first, *others = measured.steps
    assert first.due > 0
    assert not judge(replace(measured, steps=tuple(others)), OBJECTIVE, asked=400).steady


def test_a_stage_that_is_slow_to_its_end_is_steady() -> None:
    judgement = judged(*[SLOW] * 4)
    assert (judgement.met, judgement.steady, judgement.limit) == (False, True, "")


@pytest.mark.parametrize(
    ("second", "asked", "cpu_s", "named"),
    [
        (Second(service_ms=5.0, lag_ms=60.0), 400, 0.0, "schedule lag p99 was 60"),
        (Second(service_ms=80.0, missed=5), 420, 0.0, "20 pushes over the in-flight cap"),
        (SLOW, 800, 0.0, "400 of 800 pushes were due"),
        (SLOW, 400, 3.6, "90% of a core"),
    ],
)
def test_a_generator_that_was_the_limit_is_no_fault_of_the_server(
    second: Second, asked: float, cpu_s: float, named: str
) -> None:
    judgement = judged(*[second] * 4, asked=asked, cpu_s=cpu_s)
    assert not judgement.met
    assert named in judgement.limit
    assert "generator" in judgement.line


@pytest.mark.parametrize("clock", ["response", "service"])
@pytest.mark.parametrize(
    ("second", "asked", "named"),
    [
        (Second(ok=20, missed=80), 400, "320 pushes over the in-flight cap"),
        (GOOD, 800, "400 of 800 pushes were due"),
    ],
)
def test_fast_answers_to_a_part_of_the_load_do_not_meet_the_objective(
    clock: Clock, second: Second, asked: float, named: str
) -> None:
    judgement = judged(*[second] * 4, objective=Objective(clock=clock), asked=asked)
    assert not judgement.met
    assert named in judgement.limit
    assert judgement.line.startswith("not met")


def test_whole_pushes_and_arrivals_by_chance_are_not_taken_for_a_generator_that_falls_behind() -> None:
    assert judged(*[replace(SLOW, ok=9)] * 4, asked=40).limit == ""  # of one producer, or Poisson arrivals


def test_a_server_that_is_slow_to_take_connections_is_no_late_generator() -> None:
    judgement = judged(*[Second(service_ms=5.0, connect_ms=60.0)] * 4)
    assert not judgement.met
    assert judgement.limit == ""


def test_a_busy_generator_does_not_spoil_what_met_the_objective() -> None:
    assert judged(*[GOOD] * 4, cpu_s=3.9).limit == ""


def test_the_other_clock_leaves_the_generators_lag_out() -> None:
    late = Second(service_ms=5.0, lag_ms=60.0)
    assert judged(*[late] * 4, objective=Objective(p99_ms=50.0, clock="service")).met
