"""The generator watches itself: is what is measured still the server, or already the generator?

The same rules and limits as for a finished trial (`loadtests.runs.validity`), over what is known while
the load runs: its ceiling is measured when it is over. And a run that pushes in vain is said to do so.
"""

import logging
from collections.abc import Callable
from time import perf_counter

from loadtests.load.measuring.figures import latency, measured_s
from loadtests.load.measuring.lately import Lately
from loadtests.load.measuring.part import Part
from loadtests.load.plan import LoadPlan
from loadtests.results import Invalidity, RunFiles
from loadtests.runs.validity import busy_process, held_back, lagging, missed_too_many

LEAST_S = 3.0  # before that a share of CPU says little

logger = logging.getLogger(__name__)


def warnings(part: Part) -> tuple[Invalidity, ...]:
    """What there is to say against the generator; `part` may be the sum of several workers and windows."""
    counts = part.counts
    return (
        *missed_too_many(counts.missed, counts.due),
        *held_back(counts.held, counts.due),
        *busy_process(part.workers),
        *lagging(latency(part.lag), latency(part.response)),
    )


class Watch:
    """Says it in the log, which Locust's page shows as well, as soon as the generator is the limit.

    Of pushes in vain it says the beginning and the end. A `RunObserver`.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._said: set[str] = set()
        self._lately = Lately(clock)
        self._in_vain = False

    def began(self, files: RunFiles, plan: LoadPlan) -> None:
        """A run has started."""
        self._said.clear()
        self._lately.clear()
        self._in_vain = False

    def looked(self, total: Part) -> None:
        """Judge what is known; each kind of warning is said once in a run."""
        self._lately.tell(total)
        self._say_in_vain(self._lately.in_vain())
        if measured_s(total) < LEAST_S:
            return
        for warning in warnings(total):
            if warning.reason not in self._said:
                self._said.add(warning.reason)
                logger.warning("%s", warning)

    def _say_in_vain(self, why: str) -> None:
        if why and not self._in_vain:
            logger.warning("%s", why)
        elif self._in_vain and not why:
            logger.warning("pushes are acknowledged again, or none is due any more")
        self._in_vain = bool(why)

    def ended(self, files: RunFiles, plan: LoadPlan, total: Part) -> None:
        """The trial carries its own remarks."""
