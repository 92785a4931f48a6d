"""A run time is kept where Locust forgets it, and ends no other run than its own."""

import gevent
import pytest
from gevent.event import Event

from loadtests.ui.run_end import RunEnd
from tests.load.waiting import until

SOON_S = 0.01
DEADLINE_S = 5.0


class Runner:
    def __init__(self) -> None:
        self.stopped = 0
        self.now_s = 100.0
        self.end = RunEnd(self.stop, lambda: self.now_s)

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def runner() -> Runner:
    return Runner()


def waited(runner: Runner) -> int:
    """How often it was stopped, after more time than it was to run."""
    gevent.sleep(3 * SOON_S)
    return runner.stopped


def test_until_its_users_are_changed_locust_ends_it(runner: Runner) -> None:
    runner.end.begins(SOON_S)
    assert waited(runner) == 0


def test_then_it_is_ended_here_when_it_was_to_end(runner: Runner) -> None:
    runner.end.begins(20.0)
    runner.now_s += 20.0 - SOON_S
    runner.end.goes_on()
    runner.end.goes_on()  # once is enough
    assert runner.stopped == 0
    until(lambda: runner.stopped)
    assert waited(runner) == 1


def test_what_is_left_is_told_in_whole_seconds(runner: Runner) -> None:
    assert runner.end.left_s() is None
    runner.end.begins(20.0)
    runner.now_s += 0.5
    assert runner.end.left_s() == 20
    runner.now_s += 100
    assert runner.end.left_s() == 0
    runner.end.begins(None)
    assert runner.end.left_s() is None


@pytest.mark.parametrize("time_s", [None, 60.0])
def test_a_run_time_that_is_set_anew_takes_the_place_of_the_old_one(
    runner: Runner, time_s: float | None
) -> None:
    runner.end.begins(SOON_S)
    runner.end.goes_on()
    runner.end.begins(time_s)
    assert waited(runner) == 0


def test_a_run_that_is_over_is_not_ended_again(runner: Runner) -> None:
    runner.end.begins(SOON_S)
    runner.end.goes_on()
    runner.end.over()
    assert (waited(runner), runner.end.left_s()) == (0, None)


def test_an_end_that_has_begun_is_not_cut_short() -> None:
    """It waits for the last answers and writes the results."""
    begun, done = Event(), Event()

    def stop() -> None:
        begun.set()
        gevent.sleep(SOON_S)
        done.set()

    end = RunEnd(stop)
    end.begins(SOON_S)
    end.goes_on()
    assert begun.wait(DEADLINE_S)
    end.over()
    assert done.wait(DEADLINE_S)


def test_without_a_run_time_nothing_ends_it(runner: Runner) -> None:
    runner.end.begins(None)
    runner.end.goes_on()
    assert waited(runner) == 0
