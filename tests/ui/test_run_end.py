"""A run time is kept where Locust forgets it, and ends no other run than its own."""

from collections.abc import Callable
from dataclasses import dataclass

import gevent
import pytest
from gevent.event import Event

from loadtests.ui.run_end import RunEnd

DEADLINE_S = 5.0


@dataclass
class SetTimer:
    at_s: float
    call: Callable[[], None]
    is_set: bool = True

    def kill(self, *, block: bool) -> None:
        assert not block, "whoever changes the run waits for nobody"
        self.is_set = False


class Time:
    """It goes by when the test says so, and whoever is to be called then is."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.timers: list[SetTimer] = []

    def later(self, delay_s: float, call: Callable[[], None]) -> SetTimer:
        assert delay_s >= 0
        self.timers.append(SetTimer(self.now_s + delay_s, call))
        return self.timers[-1]

    def goes_by(self, seconds: float) -> None:
        self.now_s += seconds
        for timer in self.timers:
            if timer.is_set and timer.at_s <= self.now_s:
                timer.is_set = False
                timer.call()


class Runner:
    def __init__(self) -> None:
        self.stopped_at_s: list[float] = []
        self.time = Time()
        self.end = RunEnd(self.stop, lambda: self.time.now_s, self.time.later)

    def stop(self) -> None:
        self.stopped_at_s.append(self.time.now_s)


@pytest.fixture
def runner() -> Runner:
    return Runner()


def test_until_its_users_are_changed_locust_ends_it(runner: Runner) -> None:
    runner.end.begins(20.0)
    runner.time.goes_by(1000)
    assert runner.stopped_at_s == []


def test_then_it_is_ended_here_when_it_was_to_end(runner: Runner) -> None:
    runner.end.begins(20.0)
    runner.time.goes_by(8)
    runner.end.goes_on()
    runner.time.goes_by(4)
    runner.end.goes_on()  # once is enough
    runner.time.goes_by(7.5)
    assert runner.stopped_at_s == []
    runner.time.goes_by(0.5)
    assert runner.stopped_at_s == [120.0]
    runner.time.goes_by(1000)
    assert runner.stopped_at_s == [120.0]


def test_one_whose_time_is_over_is_ended_when_its_users_are_changed(runner: Runner) -> None:
    runner.end.begins(20.0)
    runner.time.goes_by(21)
    runner.end.goes_on()
    runner.time.goes_by(0)
    assert runner.stopped_at_s == [121.0]


def test_what_is_left_is_told_in_whole_seconds(runner: Runner) -> None:
    assert runner.end.left_s() is None
    runner.end.begins(20.0)
    runner.time.goes_by(0.5)
    assert runner.end.left_s() == 20
    runner.time.goes_by(100)
    assert runner.end.left_s() == 0
    runner.end.begins(None)
    assert runner.end.left_s() is None


@pytest.mark.parametrize("time_s", [None, 60.0])
def test_a_run_time_that_is_set_anew_takes_the_place_of_the_old_one(
    runner: Runner, time_s: float | None
) -> None:
    runner.end.begins(20.0)
    runner.end.goes_on()
    runner.end.begins(time_s)
    runner.time.goes_by(59)
    assert runner.stopped_at_s == []


def test_a_run_that_is_over_is_not_ended_again(runner: Runner) -> None:
    runner.end.begins(20.0)
    runner.end.goes_on()
    runner.end.over()
    runner.time.goes_by(1000)
    assert (runner.stopped_at_s, runner.end.left_s()) == ([], None)


def test_without_a_run_time_nothing_ends_it(runner: Runner) -> None:
    runner.end.begins(None)
    runner.end.goes_on()
    runner.time.goes_by(1000)
    assert runner.stopped_at_s == []


def test_an_end_that_has_begun_is_not_cut_short() -> None:
    """It waits for the last answers and writes the results. By the clock and the timer of a process."""
    begun, answered, done = Event(), Event(), Event()

    def stop() -> None:
        begun.set()
        answered.wait()
        done.set()

    end = RunEnd(stop)
    end.begins(0.01)
    end.goes_on()
    assert begun.wait(DEADLINE_S)
    end.over()
    gevent.idle()  # whoever was to be killed by that is
    answered.set()
    assert done.wait(DEADLINE_S)
