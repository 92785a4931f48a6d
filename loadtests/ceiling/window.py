"""One measured window: what a cell is asked, what it tells, and the clock of loops in this process."""

import time
from dataclasses import dataclass, replace

from loadtests.results import CeilingCourse
from loadtests.sweep.http_client import NoAnswer
from queen.database_failures import DATABASE_FAILURES
from queen.local.process import ChildFailed

FAILURES = (ChildFailed, NoAnswer, *DATABASE_FAILURES)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a cell is to do. `tag` ([a-z0-9]+) is this window's alone: what it writes begins with it."""

    warmup_s: float
    measure_s: float
    tag: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a cell has seen; the fields are those of `CeilingWindow`."""

    value: float
    measured_s: float
    messages: int
    run_messages: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    generator_cpu_s: float | None = None
    figures: dict[str, float] | None = None
    courses: tuple[CeilingCourse, ...] = ()
    faults: tuple[str, ...] = ()
    unaccounted: bool = False

    def with_fault(self, fault: str) -> "Measured":
        """The same, but it does not count."""
        return replace(self, faults=(*self.faults, fault))

    def with_figures(self, **figures: float) -> "Measured":
        """The same, with more to tell."""
        return replace(self, figures={**(self.figures or {}), **figures})

    def checked(self, disagreement: str | None) -> "Measured":
        """The same, with what the table says against it."""
        if disagreement is None:
            return self
        return replace(self, faults=(*self.faults, disagreement), unaccounted=True)


class WindowClock:
    """Counts finished work of any number of tasks; the window's edges are the ends of pieces of work.

    It opens with the first end after the warm-up and closes with the first one after the measured time.
    """

    def __init__(self, asked: Asked) -> None:
        self._measure_s = asked.measure_s
        self._opens_s = time.perf_counter() + asked.warmup_s
        self._opened_s = 0.0
        self._opened_messages = 0
        self._durations_s: list[float] = []
        self.run_messages = 0
        self.messages = 0
        self.measured_s = 0.0

    @property
    def closed(self) -> bool:
        """Whether the window is over: begin nothing more."""
        return self.measured_s > 0

    def done(self, messages: int, began_s: float) -> None:
        """A piece of work has ended; `began_s` is its start by `time.perf_counter`."""
        now_s = time.perf_counter()
        self.run_messages += messages
        if self.closed:
            return
        if not self._opened_s:
            if now_s >= self._opens_s:
                self._opened_s, self._opened_messages = now_s, self.run_messages
            return
        self._durations_s.append(now_s - began_s)
        if now_s >= self._opened_s + self._measure_s:
            self.measured_s = now_s - self._opened_s
            self.messages = self.run_messages - self._opened_messages

    def percentile_ms(self, percent: float) -> float | None:
        """Of the durations within the window; None when there was none."""
        return percentile_ms(self._durations_s, percent)

    def measured(self, *, cpu_s: float, faults: tuple[str, ...] = ()) -> Measured:
        """Messages per second of the window."""
        return Measured(
            value=self.messages / self.measured_s if self.closed else 0.0,
            measured_s=self.measured_s,
            messages=self.messages,
            run_messages=self.run_messages,
            p50_ms=self.percentile_ms(50),
            p99_ms=self.percentile_ms(99),
            generator_cpu_s=cpu_s,
            faults=faults if self.closed else ("the window was never closed", *faults),
        )


def percentile_ms(durations_s: list[float], percent: float) -> float | None:
    """The nearest-rank percentile in ms (Hyndman & Fan 1996, definition 1); None of nothing."""
    if not durations_s:
        return None
    rank = -(-len(durations_s) * percent // 100)
    return 1000 * sorted(durations_s)[max(1, int(rank)) - 1]
