"""One measured window, in steps of time.

Nearly everything that comes in belongs to the step that it is now, so that one alone is kept in full: a
`Tally` with histograms that are cheap to record into. When it is over it goes to `PastSteps`, and what it
held is added to the tally of all steps before.
"""

import math
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from loadtests.load.measuring import past_steps
from loadtests.load.measuring.histogram import HistogramCounts, LatencyHistogram, summed
from loadtests.load.measuring.outcome import PushOutcome
from loadtests.load.measuring.part import Counts, Step, add_steps, count_errors
from loadtests.load.measuring.past_steps import PastSteps
from loadtests.load.measuring.tally import FullTally, SmallTally, Tally, take_in
from loadtests.results import ErrorCount

MAX_ERROR_KINDS = 200  # then further kinds are counted together
TICKS_PER_S = 1 << 20  # a window starts on a tick: then adding and dividing by steps is exact


class Window:
    """What is recorded from `start_s` on, until it is closed; number 0 is the warm-up.

    Times are seconds of `perf_counter`.
    """

    def __init__(self, number: int, start_s: float, *, open_loop: bool) -> None:
        self.number = number
        self.start_s = start_s
        self.end_s = math.inf
        self.started_at = datetime.now(UTC)
        self.pauses = 0  # requests
        self.duplicates = 0  # messages
        self.popped = 0
        self.held = LatencyHistogram()
        self.end_to_end = LatencyHistogram()
        self._open_loop = open_loop
        self._past = PastSteps(self._step)
        self.now: FullTally = Tally(start_s, start_s + self.step_s, LatencyHistogram)
        self._before: FullTally = Tally(start_s, start_s, LatencyHistogram)  # all steps until now
        self._errors = Counter[tuple[int, str, str]]()
        self._cpu_start_s = time.process_time()
        self._cpu_end_s: float | None = None

    @property
    def step_s(self) -> int:
        """How long a step is."""
        return self._past.step_s

    @property
    def cpu_s(self) -> float:
        """CPU of this process within the window, so far."""
        end_s = time.process_time() if self._cpu_end_s is None else self._cpu_end_s
        return end_s - self._cpu_start_s

    def covers(self, time_s: float) -> bool:
        """Whether an instant lies in the window."""
        return self.start_s <= time_s < self.end_s

    def close(self, time_s: float) -> None:
        """Nothing that is due from `time_s` on belongs to it. Once only."""
        if self.end_s == math.inf:
            self.end_s = time_s
            self.now.end_s = min(self.now.end_s, time_s)
            self._cpu_end_s = time.process_time()

    def tallies_at(self, time_s: float) -> tuple[FullTally | SmallTally, ...]:
        """Where to count what belongs to an instant of the window."""
        if time_s >= self.now.end_s:
            self._advance(time_s)
        if time_s >= self.now.start_s:
            return (self.now,)
        return self._before, self._past.late(self._index(time_s))

    def fail(self, outcome: PushOutcome) -> None:
        """Count the kind of a failure."""
        kind = (outcome.status, outcome.code, outcome.text)
        if kind not in self._errors and len(self._errors) >= MAX_ERROR_KINDS:
            kind = (outcome.status, outcome.code, "(further texts)")
        self._errors[kind] += 1

    def counts(self, pending: int) -> Counts:
        """What was counted so far; `pending` requests are not answered yet."""
        before, now = self._before, self.now
        return Counts(
            ok=before.ok + now.ok,
            not_done=before.not_done + now.not_done,
            unknown=before.unknown + now.unknown,
            missed=before.missed + now.missed,
            held=before.held + now.held,
            pending=pending,
            pauses=self.pauses,
            acknowledged=before.acknowledged + now.acknowledged,
            duplicates=self.duplicates,
            popped=self.popped,
        )

    def clocks(self) -> tuple[HistogramCounts, HistogramCounts, HistogramCounts]:
        """Service, response and lag so far."""
        both = self._before, self.now
        service = summed(tally.service.counts() for tally in both)
        response = summed(tally.response.counts() for tally in both) if self._open_loop else service
        return service, response, summed(tally.lag.counts() for tally in both)

    def errors(self) -> tuple[ErrorCount, ...]:
        """The kinds of failures so far."""
        return count_errors(
            ErrorCount(status=status, code=code, text=text, requests=requests)
            for (status, code, text), requests in self._errors.items()
        )

    def steps(self, pending_due_s: Iterable[float]) -> tuple[Step, ...]:
        """The steps so far; what is pending counts as due."""
        waiting = (Step(self.number, self._index(due_s), due=1) for due_s in pending_due_s)
        now = self._step(self.now, self._index(self.now.start_s))
        return add_steps((*self._past.all(), now, *waiting))

    def _step(self, tally: FullTally | SmallTally, index: int) -> Step:
        return tally.step(self.number, index, open_loop=self._open_loop)

    def _index(self, time_s: float) -> int:
        return int((time_s - self.start_s) / self.step_s)

    def _advance(self, time_s: float) -> None:
        """Begin the step of an instant after the one that it was until now."""
        self._past.add(self._step(self.now, self._index(self.now.start_s)))
        take_in(self._before, self.now)
        while self._index(time_s) >= past_steps.MAX_STEPS:
            self._past.double()
        start_s = self.start_s + self._index(time_s) * self.step_s
        self.now = Tally(start_s, min(start_s + self.step_s, self.end_s), LatencyHistogram)


def on_tick(time_s: float) -> float:
    """The last instant until `time_s` at which a window may start, at most a microsecond before."""
    return math.floor(time_s * TICKS_PER_S) / TICKS_PER_S
