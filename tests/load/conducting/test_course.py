from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.conducting.course import Course, Stage, constant, ramp, spike
from tests.load.measured import Second, window


def stages_of(course: Course) -> list[Stage]:
    found = []
    while (stage := course.next()) is not None:
        found.append(stage)
    return found


def test_a_load_that_does_not_change_is_one_stage_without_end() -> None:
    (stage,) = stages_of(constant(500.0, settle_s=1.0))
    assert (stage.number, stage.rate_msg_s, stage.settle_s, stage.measure_s) == (1, 500.0, 1.0, None)


@given(first=st.floats(1, 1e6), last=st.floats(1, 1e6), steps=st.integers(2, 50))
def test_a_ramp_goes_evenly_from_the_first_rate_to_the_last(first: float, last: float, steps: int) -> None:
    stages = stages_of(ramp(first, last, steps, settle_s=1.0, step_s=5.0))
    rates = [stage.rate_msg_s or 0.0 for stage in stages]
    assert [stage.number for stage in stages] == list(range(1, steps + 1))
    assert [rates[0], rates[-1]] == pytest.approx([first, last])
    rises = [after - before for before, after in pairwise(rates)]
    assert rises == pytest.approx([(last - first) / (steps - 1)] * (steps - 1), abs=1e-6 * max(first, last))


def test_a_ramp_of_one_step_has_one_rate() -> None:
    (stage,) = stages_of(ramp(10.0, 10.0, 1, settle_s=0.0, step_s=1.0))
    assert stage.rate_msg_s == 10.0
    for steps in (0, 1):
        with pytest.raises(ValueError, match="steps from 10 to 20"):
            ramp(10.0, 20.0, steps, settle_s=0.0, step_s=1.0)


def test_a_peak_and_what_follows_it_are_measured_from_their_first_moment_on() -> None:
    base, peak, after = stages_of(spike(100.0, 900.0, settle_s=2.0, base_s=20.0, peak_s=5.0))
    assert [stage.rate_msg_s for stage in (base, peak, after)] == [100.0, 900.0, 100.0]
    assert [stage.settle_s for stage in (base, peak, after)] == [2.0, 0.0, 0.0]
    assert [stage.measure_s for stage in (base, peak, after)] == [20.0, 5.0, 20.0]


def test_a_course_that_was_cut_short_says_how_far_it_came() -> None:
    course = ramp(10.0, 20.0, 3, settle_s=0.0, step_s=1.0)
    assert course.answer() == "0 of 3 stages were measured to their end"
    for number in (1, 2, 3):
        stage = course.next()
        assert stage is not None
        course.judge(stage, window([Second()], number=number))
    assert course.answer() == ""
    assert constant(500.0, settle_s=1.0).answer() == ""
