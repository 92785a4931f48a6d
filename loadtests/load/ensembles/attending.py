"""A worker of a distributed load: does what the master says, and reports what it measures.

It reports of its own accord once a second, and at once when users have come or gone: what is known of a
worker that is killed is its last report. These checkpoints leave the series of steps out.
"""

import logging
from typing import Any

import gevent
import msgspec
from locust.env import Environment
from locust.runners import WorkerRunner
from msgspec.structs import replace

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
from loadtests.load.measuring.part import said_once
from loadtests.load.run import LoadRun, set_current_run

REPORT_PERIOD_S = 1.0
USERS_LOOK_S = 0.1  # between two looks for users that have come or gone

logger = logging.getLogger(__name__)


class Attending:
    """One worker process: one run after the other. Registers itself for the master's messages."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._run: LoadRun | None = None
        self._stage = 0  # serial number of the run's stage
        self._reporting: gevent.Greenlet | None = None
        self._finishing: gevent.Greenlet | None = None
        runner.register_message(STAGE, self._on_stage)
        runner.register_message(WINDOW, self._on_window)
        runner.register_message(COLLECT, self._on_collect)
        runner.register_message(FINISH, self._on_finish)
        # Listeners of this event are called in reverse: this one before Locust's, which takes leave.
        environment.events.quitting.add_listener(lambda **_: self.finish())

    def begin(self) -> None:
        """Join the run that the master has sent along with the users, if there is one.

        Raises ValueError when it cannot be run.
        """
        self.finish()
        text = vars(self._environment.parsed_options).get(BRIEFING_OPTION)
        if not text:
            logger.warning("the master has begun no run")
            return
        try:
            briefing = msgspec.json.decode(text, type=Briefing)
        except msgspec.MsgspecError as error:
            raise ValueError(f"the master's plan: {error}: is the same version installed there?") from None
        run = LoadRun(replace(briefing.plan, worker=self._runner.worker_index), self._environment.stats)
        self._run, self._finishing = run, None
        set_current_run(self._environment, run)
        run.start()
        self._stage = 0
        if briefing.stage is not None:
            self._change(briefing.stage)
        self._obey(WindowOrder(briefing.plan.run_tag, briefing.window, briefing.open))
        self._reporting = gevent.spawn(self._report_for_ever, run)

    def finish(self, drain_s: float | None = None) -> None:
        """End the run, if there is one, and say the last word about it. May be called again.

        `drain_s` None: as long as the plan says.
        """
        run = self._run
        if run is None:
            return
        if self._finishing is None:
            self._finishing = gevent.spawn(
                self._finish, run, run.plan.drain_s if drain_s is None else drain_s
            )
        self._finishing.join()

    def _finish(self, run: LoadRun, drain_s: float) -> None:
        run.finish(drain_s)
        if self._reporting is not None:
            self._reporting.kill()
        self._report(Report(said_once(run.recorder.parts()), final=True))

    def _on_stage(self, msg: Any, **_: Any) -> None:
        order = unpack(msg.data, StageOrder)
        if self._is_about(order.run_tag):
            self._change(order)

    def _on_window(self, msg: Any, **_: Any) -> None:
        order = unpack(msg.data, WindowOrder)
        if self._is_about(order.run_tag):
            self._obey(order)

    def _on_collect(self, msg: Any, **_: Any) -> None:
        order = unpack(msg.data, CollectOrder)
        run = self._run
        if run is not None and self._is_about(order.run_tag) and order.window <= run.recorder.window:
            self._report(Report((run.recorder.part(order.window),), serial=order.serial))

    def _on_finish(self, msg: Any, **_: Any) -> None:
        order = unpack(msg.data, FinishOrder)
        if self._is_about(order.run_tag):
            gevent.spawn(self.finish, order.drain_s)  # else no message would be read meanwhile

    def _is_about(self, run_tag: str) -> bool:
        return self._run is not None and self._run.plan.run_tag == run_tag

    def _change(self, order: StageOrder) -> None:
        """Begin a stage, unless it has begun already."""
        assert self._run is not None
        if order.serial > self._stage:
            self._stage = order.serial
            self._run.start_stage(order.stage)

    def _obey(self, order: WindowOrder) -> None:
        """Come to where the others are. Windows that were over before this worker came are empty ones."""
        assert self._run is not None
        recorder = self._run.recorder
        while recorder.window < order.window:
            recorder.open_window()
        if not order.open and recorder.window == order.window:
            recorder.close_window()

    def _report_for_ever(self, run: LoadRun) -> None:
        users, waited_s = -1, 0.0
        while True:
            if self._runner.user_count != users or waited_s >= REPORT_PERIOD_S:
                users, waited_s = self._runner.user_count, 0.0
                self._report(Report((run.recorder.part(run.recorder.window, steps=False),)))
            gevent.sleep(USERS_LOOK_S)
            waited_s += USERS_LOOK_S

    def _report(self, report: Report) -> None:
        self._runner.send_message(REPORT, pack(report))
