"""Who is told of a run: the seam for everything that watches a load and is not the load itself.

Observers live in the process that writes the run, the only one or the master, and are called from
greenlets: an observer may wait, but what it raises is an error of the program.
"""

from typing import Protocol

from msgspec import Struct

from loadtests.load.measuring.part import Part
from loadtests.load.plan import LoadPlan
from loadtests.results import RunFiles


class Verdict(Struct, frozen=True):
    """What an observer has to say at the end of a run; the highest exit code of all verdicts counts."""

    exit_code: int  # 0: all is well, 1: the run failed, 3: messages are not accounted for
    line: str = ""  # for people; empty: nothing


class RunObserver(Protocol):
    """Told of each run, in this order: `began` once, `looked` about once a second, `ended` once."""

    def began(self, files: RunFiles, plan: LoadPlan) -> None:
        """A run has started; nothing is written yet."""
        ...

    def looked(self, total: Part) -> None:
        """What all workers have measured of the latest window until now."""
        ...

    def ended(self, files: RunFiles, plan: LoadPlan, total: Part) -> Verdict | None:
        """The run is over and its files are written, trial.json included, which may be rewritten."""
        ...
