"""The ensemble of many: Locust's workers produce and consume, the master gives orders and waits for reports.

Every worker reports its parts (`attending.py`); what is known of each is in `muster.py`. Nobody waits for
one who has gone, because it was killed or its machine was, and for one who is there but silent only so long.
"""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

import gevent
import msgspec
from gevent.event import Event
from gevent.lock import RLock
from locust.runners import STATE_MISSING, STATE_RUNNING, MasterRunner
from msgspec import Struct
from msgspec.structs import replace

from loadtests.load.conducting.course import Stage
from loadtests.load.conducting.ensemble import Collected
from loadtests.load.ensembles.muster import Muster, Participant
from loadtests.load.ensembles.orders import (
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
from loadtests.load.plan import LoadPlan
from loadtests.load.wire.transport import parse_endpoint

LAST_WORD_S = 10.0  # beyond the drain; Locust calls a silent worker missing after 4 s
LOST_LOOK_S = 0.2  # for workers that go while their answer is waited for

logger = logging.getLogger(__name__)


class Workers:
    """Carries a run out with the workers of a Locust master. An `Ensemble`."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._muster: Muster | None = None
        self._news = Event()
        self._ending = RLock()
        self._awaiting_users: set[str] = set()
        runner.register_message(REPORT, self._heard)
        runner.environment.events.spawning_complete.add_listener(self._deal_to_all)

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
                self._wait(drain_s + LAST_WORD_S, lambda worker: worker.has_finished)
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

    def _deal_to_all(self, **_: Any) -> None:
        """Locust has dealt the users out; it forgets who came while it waited for the others' word of theirs.

        Each such worker is asked for once: where there are more workers than users, some have none.
        """
        without = {node.id for node in self._runner.clients.ready}
        if without - self._awaiting_users:
            gevent.spawn(self._deal)
        self._awaiting_users = without

    def _deal(self) -> None:
        if self._runner.state == STATE_RUNNING:  # else it would begin another run
            self._runner.start(self._runner.target_user_count, self._runner.spawn_rate)

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
            self._news.wait(LOST_LOOK_S)

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
