"""One trial of a sweep: everything comes from the plan, the process ends by itself.

    QUEEN_LOAD_PLAN=plan.json python -m locust -f loadtests/locustfiles/trial.py --headless

All users start at once; warm up, measure, stop issuing, wait for the last answers, write the result
files, quit. The exit code is 0 when the files are written, whatever the server answered.

Importing Locust takes a second. A sweep hides it by starting this process while the server of the
trial is still starting: if the plan does not exist yet, the process imports everything and then waits
for the file, at most `PLAN_DEADLINE_S`.
"""

import gc
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust import events
from locust.env import Environment

from loadtests.load.measuring import locust_stats
from loadtests.load.plan import PLAN_VARIABLE, LoadPlan, decode
from loadtests.load.run import LoadRun, set_current_run
from loadtests.load.users import PRODUCERS
from loadtests.load.warming import warm_up
from loadtests.load.writing import write_results
from loadtests.results import TrialFiles

PLAN_DEADLINE_S = 600.0
PLAN_POLL_S = 0.01

logger = logging.getLogger(__name__)


class PlanError(Exception):
    """No usable plan. One line."""


def install(environ: Mapping[str, str]) -> None:
    """Make this Locust process carry out the plan that `QUEEN_LOAD_PLAN` names."""
    locust_stats.install()

    @events.init.add_listener
    def prepare(environment: Environment, **_: Any) -> None:
        try:
            plan = wait_for_plan(environ)
            planned = PlannedLoad(environment, plan)
        except (PlanError, ValueError) as error:
            print(f"locust: {error}", file=sys.stderr)
            sys.exit(2)
        planned.listen()


def wait_for_plan(environ: Mapping[str, str]) -> LoadPlan:
    """Read the plan as soon as it exists. Raises `PlanError`."""
    name = environ.get(PLAN_VARIABLE)
    if not name:
        raise PlanError(f"{PLAN_VARIABLE} is not set: it names the plan of a trial")
    path = Path(name)
    deadline = time.monotonic() + PLAN_DEADLINE_S
    while not path.exists():
        if time.monotonic() > deadline:
            raise PlanError(f"{path}: no plan within {PLAN_DEADLINE_S:g} s")
        gevent.sleep(PLAN_POLL_S)
    try:
        return decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise PlanError(f"{path}: {error}") from None


class PlannedLoad:
    """Carries one plan out, driven by Locust's events. Raises ValueError for a bad plan."""

    def __init__(self, environment: Environment, plan: LoadPlan) -> None:
        self._environment = environment
        self._plan = plan
        self._run = LoadRun(plan, environment.stats, watched=False)
        set_current_run(environment, self._run)
        environment.user_classes = [PRODUCERS[plan.client]]
        environment.host = plan.host
        environment.process_exit_code = 1  # until the files are written
        assert environment.parsed_options is not None
        environment.parsed_options.num_users = plan.users
        environment.parsed_options.spawn_rate = plan.users

    def listen(self) -> None:
        """Measure when all users are there; write when Locust stops for whatever reason."""

        @self._environment.events.spawning_complete.add_listener
        def all_there(**_: Any) -> None:
            gevent.spawn(self._measure)

    def _measure(self) -> None:
        plan, run = self._plan, self._run
        gc.collect()
        gc.freeze()  # what the imports left need not be looked through while measuring
        run.start()
        measure_s = warm_up(run.recorder, plan)
        run.recorder.open_window()
        gevent.sleep(measure_s)
        run.finish(plan.drain_s)
        try:
            write_results(run.recorder.part(steps=False), plan, TrialFiles(Path(plan.trial_directory)))
        except OSError as error:
            logger.error("cannot write the results: %s", error)
        else:
            self._environment.process_exit_code = 0
        assert self._environment.runner is not None
        self._environment.runner.quit()
