"""Who takes part in a distributed run, and what is known of each: its reports, and what it did not say.

A worker that is gone is known by its last report; what it did afterwards is not guessed (`part.lost`).
Knows no messages and no waiting: that is `workers.py`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from time import perf_counter

from msgspec.structs import replace

from loadtests.load.conducting.ensemble import Collected
from loadtests.load.ensembles.orders import Briefing, Report, StageOrder
from loadtests.load.measuring.part import Part, lost, shared
from loadtests.load.plan import LoadPlan
from loadtests.results import WorkerShare


class Participant:
    """What is known of one worker in one run."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.windows: dict[int, Part] = {}  # the latest report of each
        self.has_finished = False
        self.answered = 0  # the highest serial
        self.answer: Part | None = None  # to it; checkpoints that come later leave its steps out
        self.is_lost = False

    def hear(self, report: Report) -> None:
        """Take a report in; what it says of a window, or of the whole run, replaces what was said before."""
        if report.final:
            self.windows.clear()
        self.windows |= {part.window: part for part in report.parts}
        self.windows = {part.window: part for part in shared(self.windows.values(), report.parts[-1])}
        self.has_finished |= report.final
        if report.serial > self.answered:
            self.answered, self.answer = report.serial, report.parts[-1]

    def part_of(self, window: int, nothing: Part) -> Part | None:
        """What it reported of a window, or of an earlier one: then only what is of the whole run counts."""
        if window in self.windows or not self.windows:
            return self.windows.get(window)
        known = self.windows[max(self.windows)]
        share = self._share_of(nothing)
        return replace(nothing, ledger=known.ledger, lanes=known.lanes, workers=(share,))

    def all_parts(self, nothing: Part) -> tuple[Part, ...]:
        """What it reported of each window; the warm-up counts when the run has no other."""
        measured = tuple(part for window, part in self.windows.items() if window > 0 or nothing.window == 0)
        if measured:
            return measured
        return (
            self.part_of(nothing.window, nothing) or replace(nothing, workers=(self._share_of(nothing),)),
        )

    def _share_of(self, nothing: Part) -> WorkerShare:
        """Of a window in which it has measured nothing."""
        heard = [share for part in self.windows.values() for share in part.workers]
        return WorkerShare(
            worker=self.number,
            host=heard[-1].host if heard else "",
            cpu_s=0.0,
            measured_s=0.0,
            producer_s=0.0,
            producers=heard[-1].producers if heard else 0,
            heard_at=heard[-1].heard_at if heard else nothing.started_at,
            window=nothing.window,
            unanswered=heard[-1].unanswered if heard else 0,
        )


class Muster:
    """One run and who takes part in it."""

    def __init__(self, plan: LoadPlan, participants: dict[str, Participant]) -> None:
        self.plan = plan
        self.participants = participants  # by Locust's name of the worker
        self.begun_s = perf_counter()
        self.nothing = self._nothing(window=0)
        self.stage: StageOrder | None = None
        self.is_open = True  # the latest window
        self.serial = 0  # of the latest wish to be reported to
        self.finished: Collected | None = None

    @property
    def window(self) -> int:
        """Number of the latest window."""
        return self.nothing.window

    def next_window(self) -> None:
        """A window begins now."""
        self.is_open = True
        self.nothing = self._nothing(self.window + 1)

    def briefing(self) -> Briefing:
        """The run as it is now, for one who comes later."""
        return Briefing(self.plan, self.window, self.is_open, self.stage)

    @property
    def workers(self) -> tuple[Participant, ...]:
        """Who takes part."""
        return tuple(self.participants.values())

    def collected(self, known: Iterable[tuple[Participant, tuple[Part, ...]]]) -> Collected:
        """The parts of all workers, those of the lost ones marked; something empty when there are none."""
        parts = [lost(part) if worker.is_lost else part for worker, several in known for part in several]
        silent = tuple(worker.number for worker in self.workers if worker.is_lost)
        return Collected(tuple(parts) or (self.nothing,), silent)

    def _nothing(self, window: int) -> Part:
        """The part of a window in which nothing was measured."""
        now_s = perf_counter()
        return Part(
            run_tag=self.plan.run_tag,
            window=window,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            started_monotonic_s=now_s,
            warmup_s=now_s - self.begun_s,
        )
