"""The ensemble of many: Locust's workers produce and consume, the master gives orders and adds up.

Every worker reports its parts (`attending.py`). A worker that is gone, because it was killed or its
machine was, is known by its last report: what it did afterwards is not guessed (`part.lost`). Nobody waits
for one who has gone, and for one who is there but silent only so long.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import msgspec
from gevent.event import Event
from gevent.lock import RLock
from locust.runners import STATE_MISSING, MasterRunner
from msgspec import Struct
from msgspec.structs import replace

from loadtests.load.course import Stage
from loadtests.load.ensemble import Collected
from loadtests.load.orders import (
    BRIEFING_OPTION,
    COLLECT,
    FINISH,
    REPORT,
    STAGE,
    WINDOW,
    Briefing,
    CollectOrder,
    FinishOrder,
    Report,
    StageOrder,
    WindowOrder,
    pack,
    unpack,
)
from loadtests.load.part import Part, lost, shared
from loadtests.load.plan import LoadPlan
from loadtests.load.transport import parse_endpoint
from loadtests.results import WorkerShare

PATIENCE_S = 10.0  # beyond the drain; Locust calls a silent worker missing after 4 s
LOOK_PERIOD_S = 0.2  # for workers that go while their answer is waited for

logger = logging.getLogger(__name__)


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


class Workers:
    """Carries a run out with the workers of a Locust master. An `Ensemble`."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._muster: Muster | None = None
        self._news = Event()
        self._ending = RLock()
        runner.register_message(REPORT, self._heard)

    def begin(self, plan: LoadPlan) -> None:
        """Start a run on all workers; Locust sends the plan along with their users.

        Raises ValueError for a host that is not an http:// address.
        """
        parse_endpoint(plan.host)
        shared = replace(plan, workers=max(1, self._runner.worker_count))
        there = [name for name in self._runner.clients if not self._is_gone(name)]
        numbers = {name: self._runner.get_worker_index(name) for name in there}
        self._muster = Muster(shared, {name: Participant(number) for name, number in numbers.items()})
        self._brief(self._muster.briefing())

    def start_stage(self, stage: Stage) -> None:
        """Change the offered load now, on all workers."""
        muster = self._begun()
        serial = muster.stage.serial + 1 if muster.stage else 1
        muster.stage = StageOrder(muster.plan.run_tag, stage, serial)
        self._brief(muster.briefing())
        self._send(STAGE, muster.stage)

    def open_window(self) -> None:
        """Begin a window now, on all workers."""
        self._begun().next_window()
        self._order_window()

    def close_window(self) -> None:
        """Stop measuring, on all workers."""
        self._begun().is_open = False
        self._order_window()

    def checkpoint(self) -> Collected:
        """What was last reported of the latest window, of each worker about a second old."""
        return self._latest(self._begun())

    def collect(self, patience_s: float) -> Collected:
        """The latest window from all workers that are there and answer within `patience_s`."""
        muster = self._begun()
        muster.serial += 1
        serial = muster.serial
        self._send(COLLECT, CollectOrder(muster.plan.run_tag, muster.window, serial))
        self._wait(patience_s, lambda worker: worker.answered >= serial)
        return self._latest(muster, answering=serial)

    def finish(self, drain_s: float) -> Collected:
        """End the run on all workers; all windows, by the last word of each or what was known before."""
        muster = self._begun()
        with self._ending:
            if muster.finished is None:
                self._brief(None)
                self._send(FINISH, FinishOrder(muster.plan.run_tag, drain_s))
                self._wait(drain_s + PATIENCE_S, lambda worker: worker.has_finished)
                self._look_for_lost(muster)
                for worker in muster.workers:
                    worker.is_lost = not worker.has_finished
                muster.finished = muster.collected(
                    (worker, worker.all_parts(muster.nothing)) for worker in muster.workers
                )
        return muster.finished

    def _latest(self, muster: Muster, *, answering: int | None = None) -> Collected:
        """The latest window: of each worker its answer to that wish, if it has one, else its last report."""
        self._look_for_lost(muster)
        known = (
            (
                worker,
                worker.answer
                if worker.answered == answering
                else worker.part_of(muster.window, muster.nothing),
            )
            for worker in muster.workers
        )
        return muster.collected((worker, (part,)) for worker, part in known if part is not None)

    def _begun(self) -> Muster:
        assert self._muster is not None, "no run has begun"
        return self._muster

    def _brief(self, briefing: Briefing | None) -> None:
        """What a worker finds that gets its users from now on; None: no run."""
        text = msgspec.json.encode(briefing).decode() if briefing else ""
        vars(self._runner.environment.parsed_options)[BRIEFING_OPTION] = text

    def _order_window(self) -> None:
        muster = self._begun()
        self._brief(muster.briefing())
        self._send(WINDOW, WindowOrder(muster.plan.run_tag, muster.window, muster.is_open))

    def _send(self, name: str, order: Struct) -> None:
        self._runner.send_message(name, pack(order))

    def _heard(self, msg: Any, **_: Any) -> None:
        """A worker has reported."""
        report = unpack(msg.data, Report)
        muster = self._muster
        if muster is None or any(part.run_tag != muster.plan.run_tag for part in report.parts):
            return  # of the run before
        if msg.node_id not in muster.participants:  # it came later
            muster.participants[msg.node_id] = Participant(self._runner.get_worker_index(msg.node_id))
        muster.participants[msg.node_id].hear(report)
        self._news.set()

    def _wait(self, patience_s: float, is_done: Callable[[Participant], bool]) -> None:
        """Wait for all who are there.

        Locust may have called from the greenlet that reads the messages: then everybody has gone already.
        """
        participants = self._begun().participants
        deadline_s = perf_counter() + patience_s
        while perf_counter() < deadline_s and any(
            not is_done(worker) and not worker.has_finished and not self._is_gone(name)
            for name, worker in tuple(participants.items())
        ):
            self._news.clear()
            self._news.wait(LOOK_PERIOD_S)

    def _is_gone(self, name: str) -> bool:
        node = self._runner.clients.get(name)
        return node is None or node.state == STATE_MISSING

    def _look_for_lost(self, muster: Muster) -> None:
        for name, worker in tuple(muster.participants.items()):
            was_lost = worker.is_lost
            worker.is_lost = not worker.has_finished and (was_lost or self._is_gone(name))
            if worker.is_lost and not was_lost:
                logger.error(
                    "worker %d is lost: what it did since its last report is not known", worker.number
                )
