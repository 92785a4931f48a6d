"""One run that a person started, on the process that writes it: from its begin to its files.

Drives an `Ensemble`, which does the work, and tells the observers.
"""

import logging
from collections.abc import Callable, Sequence

import gevent

from loadtests.load.conducting.conductor import Conductor
from loadtests.load.conducting.course import Course, constant
from loadtests.load.conducting.ensemble import Collected, Ensemble
from loadtests.load.observing import RunObserver
from loadtests.load.plan import LoadPlan
from loadtests.load.run_record import RunRecord
from loadtests.results import Trial
from queen.cli import EXIT_FAILED

LOOK_PERIOD_S = 1.0

logger = logging.getLogger(__name__)


class ActiveRun:
    """A run that has begun. Raises ValueError for a plan that cannot be carried out.

    Without a course it is the load of the plan until the end. `at_end` is called, from a greenlet, when
    a course is over: it must see to it that `finish` is called.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        plan: LoadPlan,
        record: RunRecord,
        observers: Sequence[RunObserver],
        *,
        course: Course | None = None,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.record = record
        self._ensemble = ensemble
        self._plan = plan
        self._observers = observers
        self._collected: Collected | None = None
        self._interrupted = False
        course = course or constant(plan.rate_msg_s, plan.warmup_s)
        self._conductor = Conductor(ensemble, course, at_end)
        ensemble.begin(plan)
        self._conductor.start()
        for observer in observers:
            observer.began(record.files, plan)
        self._looking = gevent.spawn(self._look_for_ever)

    def warm_up(self) -> None:
        """All users are there: measure when the load has settled. May be called again."""
        self._conductor.everybody_is_there()

    def finish(self) -> None:
        """Stop issuing and wait for what is under way. May be called again."""
        self._looking.kill()
        self._conductor.stop()
        self._collected = self._ensemble.finish(self._plan.drain_s)

    def interrupt(self) -> None:
        """Note that the run does not come to the end that it was to have; `finish` follows."""
        logger.warning("interrupted: what was measured until now is written")
        self._interrupted = True

    def write(self, recorded: Callable[[], None] = lambda: None) -> int:
        """Write the files, tell the observers; returns the exit code of the run. Raises OSError.

        `recorded` is called in between.
        """
        if self._collected is None:  # nobody said that it is stopping
            self.finish()
        assert self._collected is not None
        total = self._collected.sum()
        trial = self.record.write(
            self._collected.windows(),
            self._plan,
            self._conductor.conducted(),
            interrupted=self._interrupted,
        )
        recorded()
        exit_code = _exit_code(trial)
        for observer in self._observers:
            verdict = observer.ended(self.record.files, self._plan, total)
            if verdict is not None:
                if verdict.line:
                    logger.error("%s", verdict.line)
                exit_code = max(exit_code, verdict.exit_code)
        return exit_code

    def _look_for_ever(self) -> None:
        while True:
            gevent.sleep(LOOK_PERIOD_S)
            total = self._ensemble.checkpoint().sum()
            for observer in self._observers:
                observer.looked(total)


def _exit_code(trial: Trial) -> int:
    """A run has failed of which a worker was lost, even if nothing is missing as far as one can tell.

    So has one that pushed in vain: that nothing is missing says nothing then.
    """
    lines = [*trial.remarked("worker_lost")]
    if trial.load.in_vain:
        lines.append(trial.load.in_vain)
    for line in lines:
        logger.error("%s", line)
    return EXIT_FAILED if lines else 0
