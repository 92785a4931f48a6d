"""A course over an ensemble that measures nothing: which orders, in which order."""

from collections.abc import Iterable

import gevent
import pytest

from loadtests.load.conducting.conductor import Conductor
from loadtests.load.conducting.course import Stage, Steps, constant, spike
from loadtests.load.conducting.ensemble import Collected
from loadtests.load.measuring.part import Counts, Part
from loadtests.load.plan import LoadPlan
from loadtests.results import WorkerShare
from tests.load.waiting import until

DEADLINE_S = 5.0


class FakeEnsemble:
    """Keeps its orders; `unanswered` are the pushes under way at each look, none of the last window's."""

    def __init__(self, unanswered: Iterable[int] = (), *, reports: bool = True) -> None:
        self.orders: list[str] = []
        self._unanswered = iter(unanswered)
        self._reports = reports
        self._windows = 0

    def begin(self, plan: LoadPlan) -> None:
        raise AssertionError("a run begins before its course")

    def start_stage(self, stage: Stage) -> None:
        self.orders.append(stage.label)

    def open_window(self) -> None:
        self._windows += 1
        self.orders.append("open")

    def close_window(self) -> None:
        self.orders.append("close")

    def checkpoint(self) -> Collected:
        raise AssertionError("a course waits for what it judges")

    def collect(self, patience_s: float) -> Collected:
        self.orders.append("collect")
        if not self._reports:
            return Collected(())
        share = WorkerShare(
            worker=0,
            host="h",
            cpu_s=0.1,
            measured_s=1.0,
            producers=1,
            heard_at="x",
            window=self._windows,
            unanswered=next(self._unanswered, 0),
        )
        part = Part(
            run_tag="t",
            window=self._windows,
            started_at="2026-01-01T00:00:00.000+00:00",
            started_monotonic_s=1.0,
            warmup_s=0.0,
            counts=Counts(pending=0),
            workers=(share,),
        )
        return Collected((part,))

    def finish(self, drain_s: float) -> Collected:
        raise AssertionError("a course ends, the run is ended by others")


def until_over(conductor: Conductor, over: list[str]) -> None:
    conductor.everybody_is_there()
    until(lambda: over)


def test_each_stage_has_a_window_of_its_own_and_the_course_an_end() -> None:
    ensemble, over = FakeEnsemble(), list[str]()
    course = spike(1.0, 2.0, settle_s=0.0, base_s=0.01, peak_s=0.01)
    conductor = Conductor(ensemble, course, lambda: over.append("over"))
    conductor.start()
    until_over(conductor, over)
    window = ["open", "close", "collect"]
    assert ensemble.orders == ["base", *window, "peak", *window, "after the peak", *window]
    stages = conductor.conducted().stages
    assert [(stage.number, stage.label, stage.rate_msg_s) for stage in stages] == [
        (1, "base", 1.0),
        (2, "peak", 2.0),
        (3, "after the peak", 1.0),
    ]


def test_the_first_stage_begins_before_the_users_and_is_measured_when_they_are_there() -> None:
    ensemble, over = FakeEnsemble(), list[str]()
    course = spike(1.0, 2.0, settle_s=0.0, base_s=0.01, peak_s=0.01)
    conductor = Conductor(ensemble, course, lambda: over.append("over"))
    conductor.start()
    assert ensemble.orders == ["base"]
    gevent.sleep(0.03)
    assert ensemble.orders == ["base"]
    until_over(conductor, over)


def test_a_load_that_does_not_change_is_measured_until_it_is_stopped() -> None:
    ensemble, over = FakeEnsemble(), list[str]()
    conductor = Conductor(ensemble, constant(1.0, settle_s=0.0), lambda: over.append("over"))
    conductor.start()
    conductor.everybody_is_there()
    gevent.sleep(0.03)
    assert ensemble.orders == ["constant", "open"]
    conductor.stop()
    conductor.stop()
    assert over == []
    assert conductor.conducted().stages == ()


def test_a_rest_lasts_until_everything_is_answered_and_not_the_last_window_alone() -> None:
    ensemble, over = FakeEnsemble(unanswered=[7, 3, 0]), list[str]()
    stages = [Stage(number=0, label="rest", rate_msg_s=0.0, measure_s=DEADLINE_S)]
    conductor = Conductor(ensemble, Steps(stages), lambda: over.append("over"))
    conductor.start()
    until_over(conductor, over)
    assert ensemble.orders == ["rest", "collect", "collect", "collect"]


def test_a_rest_is_over_some_time_although_answers_are_missing() -> None:
    ensemble, over = FakeEnsemble(unanswered=[7] * 1000), list[str]()
    stages = [Stage(number=0, label="rest", rate_msg_s=0.0, measure_s=0.01)]
    conductor = Conductor(ensemble, Steps(stages), lambda: over.append("over"))
    conductor.start()
    until_over(conductor, over)
    assert ensemble.orders == ["rest", "collect"]


def test_a_course_that_is_stopped_keeps_the_stages_that_were_measured() -> None:
    ensemble, over = FakeEnsemble(), list[str]()
    course = spike(1.0, 2.0, settle_s=0.0, base_s=0.01, peak_s=60.0)
    conductor = Conductor(ensemble, course, lambda: over.append("over"))
    conductor.start()
    conductor.everybody_is_there()
    until(lambda: ensemble.orders[-2:] == ["peak", "open"])
    conductor.stop()
    assert [stage.label for stage in conductor.conducted().stages] == ["base"]
    assert over == []


def test_a_course_that_cannot_go_on_ends_the_run_and_leaves_no_load_without_a_conductor(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ensemble, over = FakeEnsemble(reports=False), list[str]()
    course = spike(1.0, 2.0, settle_s=0.0, base_s=0.01, peak_s=0.01)
    conductor = Conductor(ensemble, course, lambda: over.append("over"))
    conductor.start()
    until_over(conductor, over)
    assert ensemble.orders == ["base", "open", "close", "collect"]
    assert "no parts to merge" in capfd.readouterr().err
