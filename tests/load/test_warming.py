"""A window begins when the pool's refusals can be seen, and holds whole rounds of them."""

from time import perf_counter

import gevent
import pytest

from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.outcome import ALL_QUEUED, Fate, PushOutcome
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.plan import LoadPlan, Refusing
from loadtests.load.warming import warm_up
from tests.attempts import attempts, in_time

REFUSING = Refusing(after_s=0.3, pause_s=0.1)
REFUSED = PushOutcome((Fate.REFUSED,), 503, "pool_timeout", "timeout exceeded when trying to connect")
FAILED = PushOutcome((Fate.REFUSED,), 503, "statement_failed", "disk full")


def plan(refusing: Refusing | None = REFUSING) -> LoadPlan:
    return LoadPlan(
        host="http://127.0.0.1:1",
        trial_directory="x",
        run_tag="t",
        batch=1,
        warmup_s=0.05,
        measure_s=0.5,
        refusing=refusing,
    )


def first_push(recorder: Recorder, producer: int, outcome: PushOutcome, after_s: float) -> None:
    """A producer's first push, which is answered so long after now."""
    account, sent_s = recorder.account(producer, f"p{producer}"), perf_counter()
    account.in_flight[0] = sent_s, sent_s

    def answer() -> None:
        del account.in_flight[0]
        recorder.pushed(account, 0, 0, sent_s, Attempt(outcome, sent_s, sent_s, perf_counter()))

    gevent.spawn_later(after_s, answer)


def warmed_up(
    *pushes: tuple[PushOutcome, float], refusing: Refusing | None = REFUSING
) -> tuple[float, float]:
    """How long the warm-up took, and how long the window is to be."""
    asked = plan(refusing)
    recorder, begun_s = Recorder(asked), perf_counter()
    for producer, (outcome, after_s) in enumerate(pushes):
        first_push(recorder, producer, outcome, after_s)
    window_s = warm_up(recorder, asked)
    return perf_counter() - begun_s, window_s


def test_where_nobody_waits_the_times_are_those_of_the_plan() -> None:
    for attempt in attempts():
        with attempt:
            took_s, window_s = warmed_up((ALL_QUEUED, 0.0), (ALL_QUEUED, 0.01))
            assert took_s >= 0.05
            assert window_s == 0.5
            in_time(took_s, 0.3)


def test_the_window_begins_when_those_who_waited_from_the_beginning_were_refused() -> None:
    for attempt in attempts():
        with attempt:
            took_s, window_s = warmed_up((ALL_QUEUED, 0.0), (REFUSED, 0.3))
            assert took_s > 0.25
            in_time(took_s, 0.6)  # it does not wait longer for a refusal
    assert window_s == pytest.approx(0.8)  # two rounds of 0.3 s and a pause of 0.1 s


def test_those_who_are_served_late_are_waited_for_and_nothing_else_changes() -> None:
    took_s, window_s = warmed_up((ALL_QUEUED, 0.2))
    assert took_s > 0.15
    assert window_s == 0.5


def test_a_pool_that_refuses_within_the_warm_up_is_measured_over_whole_rounds_too() -> None:
    for attempt in attempts():
        with attempt:
            took_s, window_s = warmed_up((REFUSED, 0.01))
            in_time(took_s, 0.3)
    assert window_s == pytest.approx(0.8)


def test_other_failures_come_in_no_rounds() -> None:
    assert warmed_up((FAILED, 0.01))[1] == 0.5


def test_a_server_that_never_answers_is_not_waited_for_without_end() -> None:
    for attempt in attempts():
        with attempt:
            took_s, _ = warmed_up((ALL_QUEUED, 60.0))
            assert took_s >= 0.6
            in_time(took_s, 0.05 + 0.6 + 0.3)


def test_times_that_were_asked_for_are_kept_to_the_letter() -> None:
    for attempt in attempts():
        with attempt:
            took_s, window_s = warmed_up((REFUSED, 0.3), refusing=None)
            in_time(took_s, 0.3)
    assert window_s == 0.5


@pytest.mark.parametrize(("measure_s", "rounds_s"), [(0.1, 3.0), (3.0, 3.0), (3.1, 6.0)])
def test_rounds_are_whole_and_no_more_than_needed(measure_s: float, rounds_s: float) -> None:
    assert Refusing(after_s=2.0, pause_s=1.0).whole_rounds_s(measure_s) == rounds_s
