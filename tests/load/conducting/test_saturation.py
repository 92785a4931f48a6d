"""The search against servers that are models: a rate goes in, a window comes out."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loadtests.load.conducting.course import Stage
from loadtests.load.conducting.objective import Objective
from loadtests.load.conducting.saturation import PROLONGED_AT_MOST, Saturation, Search
from tests.load.measured import Second, window

FIRST, LEAST, MOST, STEP_S = 500.0, 5.0, 100_000.0, 4
STEPS_AT_MOST = 80
GOOD = Second()
SLOW = Second(service_ms=80.0)
LATE = Second(lag_ms=60.0)  # the generator's fault

Server = Callable[[float], list[Second]]
"""The seconds of a window at this rate, messages/s; the search pushes one message at a time."""


class Searched:
    """A search that was carried out to its end."""

    def __init__(self, server: Server, precision: float = 0.05, most_msg_s: float = MOST) -> None:
        bounds = Search(first_msg_s=FIRST, least_msg_s=LEAST, most_msg_s=most_msg_s, precision=precision)
        course = Saturation(Objective(), bounds, batch=1, settle_s=2.0, step_s=STEP_S)
        self.stages: list[Stage] = []
        self.lines: list[str] = []
        while (stage := course.next()) is not None:
            assert len(self.stages) < STEPS_AT_MOST, "the search does not end"
            self.stages.append(stage)
            if stage.rate_msg_s:
                offered = [replace(second, ok=round(stage.rate_msg_s)) for second in server(stage.rate_msg_s)]
                self.lines.append(course.judge(stage, window(offered, number=stage.number)))
        self.course, self.found, self.answer = course, course.found, course.answer()

    @property
    def steps(self) -> list[Stage]:
        return [stage for stage in self.stages if not stage.rests]


def capacity(most_msg_s: float, noise: float = 0.0, seed: int = 0) -> Server:
    """A queue that carries so much, by up to `noise` more or less each time."""
    randomness = random.Random(seed)

    def serve(rate: float) -> list[Second]:
        carries = most_msg_s * (1 + randomness.uniform(-noise, noise))
        return [GOOD if rate <= carries else SLOW] * STEP_S

    return serve


@given(capacity_msg_s=st.floats(20, 90_000), precision=st.sampled_from([0.02, 0.05, 0.2]))
def test_the_answer_is_within_the_precision_of_what_the_server_carries(
    capacity_msg_s: float, precision: float
) -> None:
    searched = Searched(capacity(capacity_msg_s), precision)
    found = searched.found
    assert found.confirmed
    assert found.limited_by == "objective"
    assert found.best_msg_s is not None and found.failed_msg_s is not None
    assert found.best_msg_s <= capacity_msg_s < found.failed_msg_s <= (1 + precision) * found.best_msg_s
    assert "confirmed" in searched.answer


@given(capacity_msg_s=st.floats(20, 90_000), seed=st.integers(0, 1000))
def test_a_server_that_is_not_the_same_each_time_is_found_within_that(
    capacity_msg_s: float, seed: int
) -> None:
    noise = 0.03
    found = Searched(capacity(capacity_msg_s, noise, seed)).found
    assert found.best_msg_s is not None
    assert found.best_msg_s <= (1 + noise) * capacity_msg_s
    assert found.best_msg_s * 1.05**2 >= (1 - noise) * capacity_msg_s / 1.05**3


@given(capacity_msg_s=st.floats(20, 90_000))
def test_each_step_is_a_window_and_after_each_failure_the_load_rests(capacity_msg_s: float) -> None:
    searched = Searched(capacity(capacity_msg_s))
    assert [stage.number for stage in searched.steps] == list(range(1, len(searched.steps) + 1))
    for stage, following in pairwise(searched.stages):
        failed = bool(stage.rate_msg_s and stage.rate_msg_s > capacity_msg_s)
        assert following.rests == failed
    assert all(stage.grace_s == pytest.approx(0.05) for stage in searched.steps)


def test_the_figures_of_the_run_are_those_of_the_step_that_confirmed_the_answer() -> None:
    searched = Searched(capacity(3000.0))
    step = searched.steps[-1]
    assert searched.course.counted() == frozenset({step.number})
    assert step.rate_msg_s == searched.found.best_msg_s


def test_when_nothing_passes_the_search_goes_down_to_its_bound_and_says_so() -> None:
    searched = Searched(capacity(0.0))
    assert searched.steps[-1].rate_msg_s == LEAST
    assert searched.found.best_msg_s is None
    assert searched.found.limited_by == "bounds"
    assert searched.answer == "no rate down to 5 msg/s meets p99 ≤ 50 ms reliably"
    assert searched.course.counted() == frozenset({len(searched.steps)})


def test_when_everything_passes_the_answer_is_a_lower_bound() -> None:
    searched = Searched(capacity(1e9))
    assert searched.found.best_msg_s == MOST
    assert searched.found.confirmed
    assert searched.found.limited_by == "bounds"
    assert searched.answer.startswith("at least 100,000 msg/s meet")


def test_where_the_generator_is_the_limit_the_search_ends_and_says_that_it_is_a_lower_bound() -> None:
    searched = Searched(lambda rate: [GOOD if rate <= 3000 else LATE] * STEP_S)
    assert searched.found.limited_by == "generator"
    assert searched.found.best_msg_s == 2000.0
    assert searched.found.failed_msg_s == 4000.0
    assert "at least 2,000 msg/s" in searched.answer
    (remark,) = searched.course.remarks()
    assert remark.reason == "generator_limited"
    assert [stage.rate_msg_s for stage in searched.steps].count(4000.0) == 2  # it must show twice


def test_one_hiccup_of_the_generator_does_not_end_the_search() -> None:
    hiccups = [2000.0]

    def server(rate: float) -> list[Second]:
        if rate in hiccups:
            hiccups.remove(rate)
            return [LATE] * STEP_S
        return [GOOD if rate <= 3000 else SLOW] * STEP_S

    searched = Searched(server)
    assert searched.found.limited_by == "objective"
    assert searched.found.confirmed


def test_a_generator_that_is_the_limit_from_the_start_is_no_answer() -> None:
    searched = Searched(lambda _: [LATE] * STEP_S)
    assert searched.answer == "not known: the generator was the limit at 500 msg/s"


def test_a_step_that_has_not_settled_is_gone_on_with() -> None:
    windows = [[SLOW, SLOW, GOOD, GOOD], [GOOD] * STEP_S]

    def server(rate: float) -> list[Second]:
        return windows.pop(0) if windows else [GOOD if rate <= 3000 else SLOW] * STEP_S

    searched = Searched(server)
    first, second = searched.steps[:2]
    assert (first.rate_msg_s, second.rate_msg_s) == (FIRST, FIRST)
    assert (first.settle_s, second.settle_s) == (2.0, 0.0)
    assert searched.found.confirmed


def test_a_step_that_gets_worse_and_worse_fails() -> None:
    def server(rate: float) -> list[Second]:
        worse = replace(GOOD, slow=round(0.03 * rate), service_ms=6.0)  # 0.75 % of all, 1.5 % of its half
        return [GOOD, GOOD, GOOD, GOOD if rate <= 3000 else worse]

    searched = Searched(server)
    tries = [stage.rate_msg_s for stage in searched.steps].count(4000.0)
    assert tries == 1 + PROLONGED_AT_MOST
    assert searched.found.best_msg_s is not None
    assert searched.found.best_msg_s <= 3000


def test_an_answer_that_does_not_pass_again_is_replaced_by_the_next_below_it() -> None:
    passed: list[float] = []

    def server(rate: float) -> list[Second]:
        again = rate in passed and rate > 2000
        passed.append(rate)
        return [SLOW if again or rate > 3000 else GOOD] * STEP_S

    searched = Searched(server)
    assert searched.found.confirmed
    assert searched.found.failed_msg_s is not None
    assert searched.found.best_msg_s == pytest.approx(searched.found.failed_msg_s / 1.05)


@pytest.mark.parametrize("hiccup_msg_s", [500.0, 2000.0, 4000.0])
def test_a_rate_that_failed_by_chance_is_not_believed(hiccup_msg_s: float) -> None:
    hiccups = [hiccup_msg_s]

    def server(rate: float) -> list[Second]:
        if rate in hiccups:
            hiccups.remove(rate)
            return [SLOW] * STEP_S
        return [GOOD if rate <= 8700 else SLOW] * STEP_S

    found = Searched(server).found
    assert found.confirmed
    assert found.best_msg_s is not None and found.failed_msg_s is not None
    assert found.best_msg_s <= 8700 < found.failed_msg_s <= 1.05 * found.best_msg_s


def test_a_rate_that_failed_once_when_it_was_to_pass_again_is_tried_a_third_time() -> None:
    tried: list[float] = []

    def server(rate: float) -> list[Second]:
        tried.append(rate)
        return [SLOW if rate > 3000 or (tried.count(rate) == 2 and rate > 2000) else GOOD] * STEP_S

    searched = Searched(server)
    assert searched.found.confirmed
    assert searched.found.best_msg_s == max(rate for rate in tried if rate <= 3000)


def test_both_bounds_of_a_confirmed_answer_were_tried_twice() -> None:
    searched = Searched(capacity(3000.0))
    rates = [stage.rate_msg_s for stage in searched.steps]
    assert rates.count(searched.found.best_msg_s) == rates.count(searched.found.failed_msg_s) == 2


@given(seed=st.integers(0, 1000))
def test_a_server_that_fails_by_chance_all_the_time_makes_no_endless_search(seed: int) -> None:
    randomness = random.Random(seed)
    searched = Searched(lambda _: [SLOW if randomness.random() < 0.4 else GOOD] * STEP_S)
    assert len(searched.steps) < STEPS_AT_MOST / 2


def test_where_what_failed_always_passes_later_the_answer_is_not_confirmed() -> None:
    tried: list[float] = []

    def server(rate: float) -> list[Second]:
        tried.append(rate)
        return [SLOW if rate > 600 and tried.count(rate) == 1 else GOOD] * STEP_S

    searched = Searched(server)
    assert not searched.found.confirmed
    assert "not confirmed" in searched.answer


def test_a_rate_that_was_never_carried_is_no_answer_where_the_generator_was_the_limit() -> None:
    tried: list[float] = []

    def server(rate: float) -> list[Second]:
        tried.append(rate)
        if FIRST in tried[:-1]:  # it passed once, and at 1 / 1.05 of it the generator is late
            return [SLOW if rate >= FIRST else LATE] * STEP_S
        return [GOOD] * STEP_S

    searched = Searched(server, most_msg_s=FIRST)
    assert searched.found.best_msg_s is None
    assert searched.answer == "not known: the generator was the limit at 476 msg/s"


def test_a_search_that_is_stopped_says_what_it_knows() -> None:
    bounds = Search(first_msg_s=FIRST, least_msg_s=LEAST, most_msg_s=MOST)
    course = Saturation(Objective(), bounds, batch=1, settle_s=2.0, step_s=STEP_S)
    first = course.next()
    assert course.answer() == ""
    assert course.counted() is None
    assert first is not None
    course.judge(first, window([replace(GOOD, ok=500)] * STEP_S))
    course.next()
    assert course.answer().startswith("at least 500 msg/s")
    assert course.counted() == frozenset({1})


@pytest.mark.parametrize(
    "changes",
    [{"first_msg_s": 1.0}, {"most_msg_s": 400.0}, {"least_msg_s": 0.0}, {"factor": 1.0}, {"precision": 0.0}],
)
def test_bounds_that_leave_nothing_to_search_are_refused(changes: dict[str, float]) -> None:
    given_bounds = {"first_msg_s": FIRST, "least_msg_s": LEAST, "most_msg_s": MOST}
    with pytest.raises(ValueError, match="a search"):
        Search(**(given_bounds | changes))
