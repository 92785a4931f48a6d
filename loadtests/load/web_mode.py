"""A load that a person starts: `locust -f loadtests/locustfiles/high.py`, web page or --headless.

Behaves as every Locust user expects: users, spawn rate and run time come from the form or the command
line. Each start makes a fresh run; each stop writes a result directory, so that any run can be charted:

    results/<run_id>/manifest.json
    results/<run_id>/trials/001/{trial,load,ledger}.json, latency.hlog, course.hlog
"""

import argparse
import logging
import os
import secrets
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, WorkerRunner

from loadtests.load import interrupts
from loadtests.load.active_run import ActiveRun
from loadtests.load.closing import Closing
from loadtests.load.conducting.ensemble import Ensemble
from loadtests.load.configuring import QueueConfiguration
from loadtests.load.dealing import Dealing
from loadtests.load.ensembles.alone import Alone
from loadtests.load.ensembles.attending import Attending
from loadtests.load.ensembles.workers import Workers
from loadtests.load.ledger_check import LedgerCheck
from loadtests.load.measuring import locust_stats
from loadtests.load.measuring.watch import Watch
from loadtests.load.observing import RunObserver
from loadtests.load.options import (
    LoadOptions,
    OptionError,
    add_arguments,
    arguments_of,
    check_start,
    expect_host,
    make_course,
    make_plan,
    read_options,
)
from loadtests.load.plan import LoadPlan
from loadtests.load.repeating import Started, repeating
from loadtests.load.run import set_current_run
from loadtests.load.run_record import RunRecord
from loadtests.load.scenario import SCENARIOS
from loadtests.load.users import PRODUCERS, Consumer
from loadtests.results import ResultError, RunFiles
from loadtests.runs.directory import new_run
from loadtests.runs.server_facts import WRITTEN_VARIABLE, facts_about
from loadtests.ui.page import PoolPage
from queen.cli import EXIT_FAILED, EXIT_USAGE
from queen.errors import UserError

TRIAL_ID = "001"
STARTING_LOOK_S = 0.05
WEB_HOST = "127.0.0.1"

logger = logging.getLogger(__name__)


def install(shape: str) -> None:
    """Make this Locust process a load of the given shape (a key of `scenario.SCENARIOS`)."""
    locust_stats.install()
    session = Session(shape)
    events.init_command_line_parser.add_listener(session.on_parser)
    events.init.add_listener(session.on_init)
    events.test_start.add_listener(session.on_test_start)
    events.spawning_complete.add_listener(session.on_spawning_complete)
    events.test_stopping.add_listener(session.on_test_stopping)
    events.test_stop.add_listener(session.on_test_stop)


class Session:
    """One Locust process: many runs, one after the other. Its methods are Locust's event listeners."""

    def __init__(self, shape: str) -> None:
        self._shape = shape
        self._run: ActiveRun | None = None
        self._finished: ActiveRun | None = None  # the same when its load has ended, until it is written
        self._ensemble: Ensemble | None = None  # of the process that writes,
        self._attending: Attending | None = None  # or of a worker
        self._dealing: Dealing | None = None  # of a master
        self._ready = Event()  # a worker may be told to start before it knows what it is
        self._closing = Closing()
        self._quitting = False
        self._page = PoolPage()

    def on_parser(self, parser: LocustArgumentParser, **_: Any) -> None:
        """Add our options to Locust's; its page is for this machine, unless --web-host says otherwise."""
        parser.set_defaults(web_host=WEB_HOST)
        add_arguments(parser, self._shape)

    def on_init(self, environment: Environment, web_ui: Any, **_: Any) -> None:
        """Refuse bad options at once; hang our page into Locust's."""
        parsed = _parsed(environment)
        try:
            if parsed.worker:
                read_options(parsed)  # whom to load, and where results go, is the master's business
            else:
                check_start(parsed, self._shape, needs_host=parsed.headless)
        except OptionError as error:
            print(f"locust: {error}", file=sys.stderr)
            sys.exit(EXIT_USAGE)
        environment.events.quitting.add_listener(self.on_quitting)  # before the runner's, which ends the run
        interrupts.install(lambda: self._quitting, self._closing.hasten)
        gevent.get_hub().loop.update_now()  # else the seconds of importing count as part of --run-time
        runner = environment.runner
        if isinstance(runner, WorkerRunner):
            self._attending = Attending(environment, runner)
        elif isinstance(runner, MasterRunner):
            self._ensemble, self._dealing = Workers(runner), Dealing(runner)
        else:
            self._ensemble = Alone(environment)
        if web_ui is not None:
            self._page.attach(environment, web_ui, check=partial(check_start, shape=self._shape))
        self._ready.set()

    def on_test_start(self, environment: Environment, **_: Any) -> None:
        """Begin a fresh run with what the form says.

        A worker of a run that is on hears of it while Locust still connects it, before `on_init`.
        """
        self._ready.wait()
        set_current_run(environment, None)
        with self._page.starting():
            self._start(environment)

    def _start(self, environment: Environment) -> None:
        try:
            if self._attending is not None:
                self._attending.begin()  # the master has read the options
                return
            options = read_options(_parsed(environment))
            choose_users(environment, options)
            self._run = self._begin(environment, options)
        except (ValueError, UserError) as error:
            self._did_not_begin(environment, f"no run: {error}", EXIT_USAGE)
        except Exception as error:  # the edge of the run: the next one must be able to begin
            logger.exception("a defect at the begin of a run")
            self._did_not_begin(environment, f"no run: {error!r}", EXIT_FAILED)
        except gevent.GreenletExit:  # Locust's stop kills a start that is under way
            set_current_run(environment, None)
            self._page.failed("no run: it was stopped before it had begun")
            raise

    def _did_not_begin(self, environment: Environment, reason: str, exit_code: int) -> None:
        set_current_run(environment, None)  # whoever is spawned meanwhile has nothing to do
        self._failed(environment, reason, exit_code)
        gevent.spawn(_end, environment, gevent.getcurrent())

    def on_spawning_complete(self, **_: Any) -> None:
        """The ramp is over: measure once the warm-up is over as well."""
        if self._run is not None:
            self._run.warm_up()

    def on_test_stopping(self, **_: Any) -> None:
        """Before Locust kills its users: let what is under way come to its end, and nobody come any more."""
        if self._dealing is not None:
            self._dealing.end()
        if self._run is not None:
            run = self._run
            self._closing.begin()
            try:
                run.finish()
            finally:
                self._finished = run
        elif self._attending is not None:
            self._attending.finish()

    def on_test_stop(self, environment: Environment, **_: Any) -> None:
        """Write the result directory of the run that was told to stop; return when it is written.

        A Locust master tells of an end up to a second after its workers have stopped. When that was the end
        of a start that failed, the next run may be on by then, or have been stopped as well.
        """
        run, self._finished = self._finished, None
        if run is None:
            if self._run is None:
                set_current_run(environment, None)
            self._closing.wait()
            return
        self._run = None
        set_current_run(environment, None)
        try:
            exit_code = run.write(self._closing.recorded)
        except (OSError, ResultError) as error:
            self._failed(environment, f"the results of the run cannot be written: {error}", EXIT_FAILED)
            return
        except Exception as error:  # the edge of the run: the next one must be able to begin
            logger.exception("a defect at the end of a run")
            self._failed(environment, f"the results of the run cannot be worked out: {error!r}", EXIT_FAILED)
            return
        finally:
            self._closing.over()
        logger.info("results: %s", run.record.files.root)
        if exit_code:
            environment.process_exit_code = exit_code

    def on_quitting(self, environment: Environment, **_: Any) -> None:
        """Before the process ends: a run that is on is interrupted, one that stops is waited for."""
        self._quitting = True
        if self._closing.is_on:
            self._closing.wait()
        elif self._run is not None and self._has_an_end(environment):
            self._run.interrupt()

    def observers(self) -> tuple[RunObserver, ...]:
        """Who is told of each run."""
        return (QueueConfiguration(), LedgerCheck(os.environ), Watch(), self._page.observer)

    def _has_an_end(self, environment: Environment) -> bool:
        return bool(_parsed(environment).run_time) or SCENARIOS[self._shape].course != "constant"

    def _failed(self, environment: Environment, reason: str, exit_code: int) -> None:
        logger.error("%s", reason)
        self._page.failed(reason)
        environment.process_exit_code = exit_code

    def _begin(self, environment: Environment, options: LoadOptions) -> ActiveRun:
        host = expect_host(environment.host)
        started = datetime.now(UTC)
        files = new_run(Path(options.results_dir), f"load {self._shape}", started)
        arguments = arguments_of(options)
        facts = facts_about(os.environ, host)
        record = RunRecord(
            files=files,
            trial_id=TRIAL_ID,
            title=f"{self._shape} load",
            started=started,
            options=arguments,
            facts=facts,
            command=repeating(self._started(environment, host), facts, arguments),
        )
        plan = self._plan(environment, options, files, host)
        assert self._ensemble is not None, "Locust has started"
        return ActiveRun(
            self._ensemble,
            plan,
            record,
            self.observers(),
            course=make_course(options),
            at_end=partial(_end, environment),
        )

    def _started(self, environment: Environment, host: str) -> Started:
        parsed = _parsed(environment)
        assert environment.runner is not None
        return Started(
            shape=self._shape,
            users=_users(environment),
            host=host,
            headless=parsed.headless,
            run_time_s=parsed.run_time,
            processes=parsed.processes or 1,
            by_queen_load=WRITTEN_VARIABLE in os.environ,
        )

    def _plan(self, environment: Environment, options: LoadOptions, files: RunFiles, host: str) -> LoadPlan:
        assert environment.runner is not None
        return make_plan(
            options,
            shape=self._shape,
            host=host,
            users=_users(environment),
            trial_directory=str(files.trial(TRIAL_ID).root),
            run_tag=f"l{secrets.token_hex(4)}",
        )


def choose_users(environment: Environment, options: LoadOptions) -> None:
    """Have as many of each user class as the plan says, unless classes were named on the command line.

    All of them stay in place: a master deals them out to its workers as it found them before the start.
    Locust comes near to weights, within one of the exact share; a number that it is given is kept, and users
    who come to a run later produce.
    """
    if _parsed(environment).user_classes:
        return
    users = _users(environment)
    Consumer.weight = 0
    Consumer.fixed_count = users - options.consuming.producers_of(users)
    for client, producer in PRODUCERS.items():
        producer.weight = int(client == options.batching.client)


def _users(environment: Environment) -> int:
    """How many are asked for."""
    return (environment.runner.target_user_count if environment.runner is not None else 0) or 1


def _parsed(environment: Environment) -> argparse.Namespace:
    """Locust's options as they are now; its web form changes them."""
    parsed = environment.parsed_options
    assert isinstance(parsed, argparse.Namespace)
    return parsed


def _end(environment: Environment, start: gevent.Greenlet | None = None) -> None:
    """End the run: the process as well, where nobody can start another.

    `start`: the greenlet of Locust's start, where that is still under way. Locust knows of nothing that it
    could stop before it has begun to deal users out.
    """
    runner, options = environment.runner, environment.parsed_options
    headless = options is not None and options.headless
    if runner is None:
        return
    if headless or isinstance(runner, WorkerRunner):
        runner.quit()
        return
    while start is not None and not start.dead and runner.state not in (STATE_SPAWNING, STATE_RUNNING):
        gevent.sleep(STARTING_LOOK_S)
    runner.stop()
