"""The open-loop schedule: when each push of a producer is due. Pure: times in, times out, no clock.

A schedule never slips: a push that could not be sent in time is still due when it was due, and the
wait counts (no coordinated omission). With n producers the phases are spread at random over one
interval, seeded, so that they neither march in step nor differ between repeats.
"""

import itertools
import math
import random
from collections.abc import Iterator

from msgspec import Struct

from loadtests.load.conducting.course import Stage
from loadtests.load.plan import LoadPlan


class Schedule(Struct, frozen=True):
    """The due times of one producer: `phase_s + k * interval_s`, or Poisson arrivals of that rate."""

    interval_s: float  # mean time between two pushes, > 0
    phase_s: float = 0.0  # of the first push, from the start of the stage
    poisson: bool = False
    seed: str = ""

    def due_times(self) -> Iterator[float]:
        """Seconds from the start of the stage, rising, without end; none in one that rests."""
        if self.interval_s == math.inf:
            return iter(())
        if self.poisson:
            return self._poisson_times()
        return (self.phase_s + count * self.interval_s for count in itertools.count())

    def _poisson_times(self) -> Iterator[float]:
        randomness = random.Random(self.seed)
        due = self.phase_s
        while True:
            due += randomness.expovariate(1 / self.interval_s)
            yield due


def interval_s(plan: LoadPlan, stage: Stage | None = None) -> float:
    """Seconds between two pushes of one producer, from the stage's rate or else the plan's pacing.

    Without end in a stage that rests. Raises ValueError when neither says anything.
    """
    rate_msg_s = plan.rate_msg_s if stage is None or stage.rate_msg_s is None else stage.rate_msg_s
    if rate_msg_s is not None:
        return plan.users * plan.batch / rate_msg_s if rate_msg_s else math.inf
    if plan.interval_ms is not None:
        return plan.interval_ms / 1000
    raise ValueError("an open loop needs rate_msg_s or interval_ms")


def schedule(plan: LoadPlan, producer: int, stage: Stage | None = None) -> Schedule:
    """The schedule of one producer in a stage of an open loop. Raises ValueError, see `interval_s`.

    Its phase, or its arrivals, are others in each stage, and the same in each run with that seed.
    """
    gap_s = interval_s(plan, stage)
    seed = f"{plan.seed}/{producer}"
    if stage is not None and stage.number > 1:
        seed += f"/{stage.number}"
    phase_s = random.Random(seed).random() * gap_s if plan.phase == "random" else 0.0
    return Schedule(gap_s, phase_s, plan.phase == "poisson", seed)


def in_flight_cap(plan: LoadPlan, stage: Stage | None = None) -> int:
    """Most unanswered pushes of one producer: as many as asked, or by this rule.

    `rate * (timeout + 1 s)`, what may pile up until the client's patience ends: with fewer, the cap rather
    than the server would decide the load.
    """
    return plan.in_flight or max(1, math.ceil((plan.timeout_s + 1) / interval_s(plan, stage)))
