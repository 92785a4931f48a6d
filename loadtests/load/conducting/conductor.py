"""Conducts a run: has an ensemble play the stages of a course, one after the other.

Lives on the process that writes the run, in a greenlet of its own.
"""

import logging
from collections.abc import Callable
from time import perf_counter

import gevent
from gevent.event import Event

from loadtests.load.conducting.conducted import Conducted, stage_result
from loadtests.load.conducting.course import Course, Stage
from loadtests.load.conducting.ensemble import Ensemble
from loadtests.load.measuring.figures import unanswered
from loadtests.results import StageResult

PATIENCE_S = 5.0  # for what workers report of a window
REST_LOOK_S = 0.25  # between two looks whether everything is answered

logger = logging.getLogger(__name__)


class Conductor:
    """One run of a course.

    `at_end` is called when the course is over, or cannot go on, from a greenlet of its own; not when it
    was stopped.
    """

    def __init__(self, ensemble: Ensemble, course: Course, at_end: Callable[[], None]) -> None:
        self._ensemble = ensemble
        self._course = course
        self._at_end = at_end
        self._stages: list[StageResult] = []
        self._under_way: Stage | None = None
        self._everybody = Event()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Begin the first stage at once, so that users who come find it, and go on in a greenlet."""
        first = self._begin_next()
        self._greenlet = gevent.spawn(self._run, first)
        self._greenlet.link_exception(lambda _: gevent.spawn(self._at_end))  # no load without a conductor

    def everybody_is_there(self) -> None:
        """All users have begun: the first stage may settle now."""
        self._everybody.set()

    def stop(self) -> None:
        """Leave the course where it is. May be called again, and before the start."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def conducted(self) -> Conducted:
        """What became of it until now."""
        course = self._course
        return Conducted(
            tuple(self._stages), course.counted(), course.answer(), course.remarks(), self._under_way
        )

    def _run(self, first: Stage | None) -> None:
        self._everybody.wait()
        stage = first
        while stage is not None:
            if stage.rests:
                self._rest(stage)
            elif not self._measure(stage):
                return
            stage = self._begin_next()
        gevent.spawn(self._at_end)

    def _begin_next(self) -> Stage | None:
        stage = self._course.next()
        if stage is not None:
            self._ensemble.start_stage(stage)
        return stage

    def _measure(self, stage: Stage) -> bool:
        """One stage with its window; False when it has no end."""
        gevent.sleep(stage.settle_s)
        self._ensemble.open_window()
        if stage.measure_s is None:
            return False
        self._under_way = stage
        gevent.sleep(stage.measure_s)
        self._ensemble.close_window()
        gevent.sleep(stage.grace_s)
        measured = self._ensemble.collect(PATIENCE_S).sum()
        verdict = self._course.judge(stage, measured)
        logger.info("stage %d, %s: %s", stage.number, stage.label, verdict or "measured")
        self._stages.append(stage_result(stage, measured, verdict))
        self._under_way = None
        return True

    def _rest(self, stage: Stage) -> None:
        """Wait until every push is answered, or the rest has lasted long enough.

        Those of the last window are not all: a stage goes on sending until it has been judged, and what an
        earlier one has left behind burdens the next as well.
        """
        deadline_s = perf_counter() + (stage.measure_s or 0.0)
        while perf_counter() < deadline_s and unanswered(self._ensemble.collect(PATIENCE_S).sum()):
            gevent.sleep(REST_LOOK_S)
