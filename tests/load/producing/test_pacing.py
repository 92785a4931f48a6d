from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.conducting.course import Stage
from loadtests.load.plan import LoadPlan
from loadtests.load.producing.pacing import Schedule, in_flight_cap, interval_s, schedule


def plan(**changes: Any) -> LoadPlan:
    given_values: dict[str, Any] = {
        "host": "http://x",
        "trial_directory": "x",
        "run_tag": "t",
        "loop": "open",
        "interval_ms": 100.0,
    }
    return LoadPlan(**(given_values | changes))


@given(interval=st.floats(1e-4, 10), phase=st.floats(0, 10), count=st.integers(1, 10_000))
def test_uniform_due_times_never_drift(interval: float, phase: float, count: int) -> None:
    (last,) = islice(Schedule(interval, phase).due_times(), count, count + 1)
    assert last == phase + count * interval  # not a sum of rounded steps


def test_poisson_arrivals_rise_keep_the_mean_rate_and_repeat_with_the_seed() -> None:
    due = list(islice(Schedule(0.01, 0.0, True, "7/0").due_times(), 20_000))
    assert due == sorted(due)
    assert due[-1] / len(due) == pytest.approx(0.01, rel=0.03)
    assert due[:50] == list(islice(Schedule(0.01, 0.0, True, "7/0").due_times(), 50))
    assert due[:50] != list(islice(Schedule(0.01, 0.0, True, "7/1").due_times(), 50))


def test_the_rate_is_shared_by_all_producers() -> None:
    assert interval_s(plan(rate_msg_s=1000.0, users=20, batch=10)) == pytest.approx(0.2)
    assert interval_s(plan(users=20, interval_ms=250.0)) == 0.25
    with pytest.raises(ValueError, match="rate_msg_s or interval_ms"):
        interval_s(plan(interval_ms=None))


def test_a_stage_has_its_own_rate_and_its_own_phases_the_same_with_each_seed() -> None:
    first, second = (Stage(number=number, label="x", rate_msg_s=500.0) for number in (1, 2))
    assert interval_s(plan(users=20, batch=10), second) == pytest.approx(0.4)
    assert in_flight_cap(plan(users=20, batch=10, timeout_s=3.0), second) == 10
    assert schedule(plan(), 3, first).phase_s != schedule(plan(), 3, second).phase_s
    assert schedule(plan(), 3, second) == schedule(plan(), 3, second)


def test_a_stage_that_says_nothing_is_paced_by_the_plan_and_is_the_load_that_a_sweep_makes() -> None:
    as_planned = Stage(number=1, label="x", rate_msg_s=None)
    assert schedule(plan(), 3, as_planned) == schedule(plan(), 3)


def test_in_a_rest_nothing_is_due() -> None:
    assert list(schedule(plan(), 0, Stage(number=0, label="rest", rate_msg_s=0.0)).due_times()) == []


def test_the_cap_may_be_stated() -> None:
    assert in_flight_cap(plan(in_flight=7)) == 7


def test_random_phases_spread_over_one_interval_and_repeat_with_the_seed() -> None:
    phases = [schedule(plan(), producer).phase_s for producer in range(200)]
    assert all(0 <= phase < 0.1 for phase in phases)
    assert {int(phase * 100) for phase in phases} == set(range(10))  # every tenth of the interval is used
    assert phases == [schedule(plan(), producer).phase_s for producer in range(200)]
    assert phases != [schedule(plan(seed=8), producer).phase_s for producer in range(200)]
    assert {schedule(plan(phase="aligned"), producer).phase_s for producer in range(9)} == {0.0}


def test_the_cap_lets_a_whole_patience_pile_up() -> None:
    assert in_flight_cap(plan(interval_ms=100.0, timeout_s=2.0)) == 30
    assert in_flight_cap(plan(interval_ms=60_000.0, timeout_s=2.0)) == 1
