"""The port to whoever carries a run's orders out: this process alone, or many workers.

A run begins once, has windows that open and close, and finishes. What was measured comes back as parts
(`loadtests.load.measuring.part`), one for each worker.
"""

from typing import Protocol

from msgspec import Struct

from loadtests.load.conducting.course import Stage
from loadtests.load.measuring.part import Part, merge
from loadtests.load.plan import LoadPlan


class Collected(Struct, frozen=True):
    """What the workers of a run have reported."""

    parts: tuple[Part, ...]  # at most one for each worker and window
    silent: tuple[int, ...] = ()  # workers that are gone: their part is their last checkpoint, or missing

    def sum(self) -> Part:
        """All parts as one. Raises ValueError when there is none."""
        return merge(self.parts)

    def windows(self) -> tuple[Part, ...]:
        """One part for each window, in their order."""
        numbers = sorted({part.window for part in self.parts})
        return tuple(merge([part for part in self.parts if part.window == number]) for number in numbers)


class Ensemble(Protocol):
    """Carries out one run at a time.

    Orders are given from a greenlet, which may wait in `collect` and `finish`; parts that are asked for
    before anything was measured are empty, not missing.
    """

    def begin(self, plan: LoadPlan) -> None:
        """Start a run: the users of every worker begin. Raises ValueError for a plan that cannot be run."""
        ...

    def start_stage(self, stage: Stage) -> None:
        """Change the offered load now, everywhere. The load of the plan is what a run begins with."""
        ...

    def open_window(self) -> None:
        """Begin a window now, everywhere; one that is still open is closed by that."""
        ...

    def close_window(self) -> None:
        """Stop measuring; what was due before is still counted when its answer comes."""
        ...

    def checkpoint(self) -> Collected:
        """What is known now of the latest window, without waiting. The series of steps may be left out."""
        ...

    def collect(self, patience_s: float) -> Collected:
        """The latest window from everybody, or from those who report within `patience_s`."""
        ...

    def finish(self, drain_s: float) -> Collected:
        """End the run: stop issuing, wait at most `drain_s` for answers; all its windows from everybody.

        Each window is a part of its own; the warm-up is there when there is nothing else. May be called
        again, for Locust says more than once that a test is stopping.
        """
        ...
