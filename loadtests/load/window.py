"""One measured window, in steps of time.

Nearly everything that comes in belongs to the step that it is now, so that one alone is kept in full: a
`Tally` with histograms that are cheap to record into. A step that is over is packed, and what it held is
added to the tally of all steps before; an answer that comes later is counted in a small tally of its own
step. A window of any length has at most `MAX_STEPS` steps: when there are more, they double in length.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from loadtests.load.histogram import HistogramCounts, LatencyHistogram, SparseHistogram, summed
from loadtests.load.outcome import Fate, PushOutcome
from loadtests.load.part import Counts, Step, add_steps, count_errors
from loadtests.results import ErrorCount

MAX_STEPS = 600  # even, so that a step of double length begins where a step began
MAX_ERROR_KINDS = 200  # then further kinds are counted together
TICKS_PER_S = 1 << 20  # a window starts on a tick: then adding and dividing by steps is exact

Histogram = TypeVar("Histogram", LatencyHistogram, SparseHistogram)


class Tally(Generic[Histogram]):
    """Requests that were due in [start_s, end_s), and messages that were acknowledged in it.

    In a closed loop a push is due when it is sent: there, `service` holds both clocks.
    """

    __slots__ = (
        "acknowledged",
        "end_s",
        "held",
        "lag",
        "missed",
        "not_done",
        "ok",
        "response",
        "service",
        "start_s",
        "unknown",
    )

    def __init__(self, start_s: float, end_s: float, histogram: Callable[[], Histogram]) -> None:
        self.start_s = start_s
        self.end_s = end_s
        self.ok = 0  # requests
        self.not_done = 0
        self.unknown = 0
        self.missed = 0
        self.held = 0
        self.acknowledged = 0  # messages
        self.service: Histogram = histogram()
        self.response: Histogram = histogram()
        self.lag: Histogram = histogram()

    def fail(self, outcome: PushOutcome) -> None:
        """Count a push that was not acknowledged."""
        if outcome.worst is Fate.UNKNOWN:
            self.unknown += 1
        else:
            self.not_done += 1

    def step(self, window: int, index: int, *, open_loop: bool) -> Step:
        """The counts as a step."""
        service, sent = self.service.counts(), self.ok + self.not_done + self.unknown
        return Step(
            window,
            index,
            due=sent + self.missed + self.held,
            sent=sent,
            missed=self.missed,
            held=self.held,
            acknowledged=self.acknowledged,
            lag=self.lag.counts(),
            service=service,
            response=self.response.counts() if open_loop else service,
        )


FullTally = Tally[LatencyHistogram]
SmallTally = Tally[SparseHistogram]


class Window:
    """What is recorded from `start_s` on, until it is closed; number 0 is the warm-up.

    Times are seconds of `perf_counter`.
    """

    def __init__(self, number: int, start_s: float, *, open_loop: bool) -> None:
        self.number = number
        self.start_s = start_s
        self.end_s = math.inf
        self.started_at = datetime.now(UTC)
        self.step_s = 1
        self.pauses = 0  # requests
        self.duplicates = 0  # messages
        self.popped = 0
        self.held = LatencyHistogram()
        self.end_to_end = LatencyHistogram()
        self.now: FullTally = Tally(start_s, start_s + self.step_s, LatencyHistogram)
        self._open_loop = open_loop
        self._before: FullTally = Tally(start_s, start_s, LatencyHistogram)  # all steps until now
        self._packed: dict[int, bytes] = {}  # steps that are over, by index
        self._late: dict[int, SmallTally] = {}  # what came for them since
        self._errors = Counter[tuple[int, str, str]]()
        self._cpu_start_s = time.process_time()
        self._cpu_end_s: float | None = None

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
        index = self._index(time_s)
        late = self._late.get(index)
        if late is None:
            late = self._late[index] = Tally(time_s, time_s, SparseHistogram)
        return self._before, late

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
        now = self.now.step(self.number, self._index(self.now.start_s), open_loop=self._open_loop)
        return add_steps((*self._over(), now, *waiting))

    def _index(self, time_s: float) -> int:
        return int((time_s - self.start_s) / self.step_s)

    def _advance(self, time_s: float) -> None:
        """Begin the step of an instant after the one that it was until now."""
        self._pack()
        while self._index(time_s) >= MAX_STEPS:
            self._double()
        start_s = self.start_s + self._index(time_s) * self.step_s
        self.now = Tally(start_s, min(start_s + self.step_s, self.end_s), LatencyHistogram)

    def _pack(self) -> None:
        """The step that it was until now is over."""
        now, index = self.now, self._index(self.now.start_s)
        step = now.step(self.number, index, open_loop=self._open_loop)
        if index in self._packed:  # after doubling it may be the second half of a step
            (step,) = add_steps((_unpack(self._packed[index]), step))
        self._packed[index] = msgspec.msgpack.encode(step)
        _take_in(self._before, now)

    def _double(self) -> None:
        steps = add_steps(replace(step, index=step.index // 2) for step in self._over())
        self.step_s *= 2
        self._late = {}
        self._packed = {step.index: msgspec.msgpack.encode(step) for step in steps}

    def _over(self) -> list[Step]:
        """The steps that are over, late answers apart."""
        late = (
            tally.step(self.number, index, open_loop=self._open_loop) for index, tally in self._late.items()
        )
        return [*map(_unpack, self._packed.values()), *late]


def on_tick(time_s: float) -> float:
    """The last instant until `time_s` at which a window may start, at most a microsecond before."""
    return math.floor(time_s * TICKS_PER_S) / TICKS_PER_S


def _take_in(total: FullTally, tally: FullTally) -> None:
    total.ok += tally.ok
    total.not_done += tally.not_done
    total.unknown += tally.unknown
    total.missed += tally.missed
    total.held += tally.held
    total.acknowledged += tally.acknowledged
    total.service.take_in(tally.service)
    total.response.take_in(tally.response)
    total.lag.take_in(tally.lag)


def _unpack(content: bytes) -> Step:
    return msgspec.msgpack.decode(content, type=Step)
