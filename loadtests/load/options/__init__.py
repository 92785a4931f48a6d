"""The options of a load that a person starts: Locust's custom arguments, in its web form too.

Each group of options is a module with a struct, its arguments and its rules. Every option has a variable
of the environment, `QUEEN_LOAD_…`; `BATCH_SIZE` and `INTERVAL` (ms) are the guide's names for the
batching. A default is never None: Locust's web form keeps the type of the value that an option has.
"""

import argparse
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from locust.argument_parser import LocustArgumentParser
from msgspec import Struct
from msgspec.structs import asdict

from loadtests.load.bounds import (
    MOST_USERS,
    Impossible,
    check_run_time,
    expect_possible,
    option_name,
    server_address,
)
from loadtests.load.conducting.course import Course
from loadtests.load.options import batching, consuming, course, pacing
from loadtests.load.options.batching import ONE_PER_USER, BatchingOptions
from loadtests.load.options.consuming import ConsumingOptions
from loadtests.load.options.course import CourseOptions, read_course
from loadtests.load.options.pacing import PacingOptions
from loadtests.load.options.values import OptionError, convert, read_group
from loadtests.load.plan import LoadPlan
from loadtests.load.scenario import SCENARIOS
from loadtests.load.wire.credentials import read_token
from loadtests.runs.directory import expect_writable
from queen.errors import SettingsError

__all__ = [
    "LoadOptions",
    "OptionError",
    "add_arguments",
    "arguments_of",
    "check_start",
    "expect_host",
    "make_course",
    "make_plan",
    "read_options",
]

DRAIN_S = 5.0  # longer than DB_CONNECTION_TIMEOUT + 1 s by default


class LoadOptions(Struct, frozen=True, kw_only=True):
    """What a person can choose."""

    batching: BatchingOptions
    pacing: PacingOptions
    consuming: ConsumingOptions
    course: CourseOptions | None  # None: the load does not change
    results_dir: str

    def check(self) -> None:
        """Raise `OptionError` for a value that cannot be, or that others rule out."""
        self.batching.check()
        self.pacing.check()
        self.consuming.check()
        if self.course is not None:
            self.course.check()
            if self.pacing.loop == "closed":
                raise OptionError("--loop closed: a rate that changes needs the open loop")
            if self.pacing.rate:
                raise OptionError("--rate: this load changes its rate, which has options of its own")


def add_arguments(parser: LocustArgumentParser, shape: str) -> None:
    """Add the options; the scenario of this name says which there are, and gives the defaults."""
    scenario = SCENARIOS[shape]
    batching.add_arguments(parser, scenario.batch)
    pacing.add_arguments(parser, scenario)
    course.add_arguments(parser, scenario.course)
    consuming.add_arguments(parser, scenario.consumers, scenario.consuming)
    parser.add_argument(
        "--results-dir",
        default="results",
        env_var="QUEEN_LOAD_RESULTS_DIR",
        include_in_web_ui=False,
        help="where runs are written",
    )


def read_options(parsed: argparse.Namespace) -> LoadOptions:
    """The options out of what Locust parsed or its web form changed. Raises `OptionError`."""
    options = LoadOptions(
        batching=read_group(parsed, BatchingOptions),
        pacing=read_group(parsed, PacingOptions),
        consuming=read_group(parsed, ConsumingOptions),
        course=read_course(parsed),
        results_dir=parsed.results_dir,
    )
    options.check()
    return options


def make_plan(
    options: LoadOptions, *, shape: str, host: str, users: int, trial_directory: str, run_tag: str
) -> LoadPlan:
    """The same plan that a sweep would write; `users` counts consumers too. Raises `OptionError`."""
    pushed, paced = options.batching, options.pacing
    if not 1 <= users <= MOST_USERS:
        raise OptionError(f"--users {users}: expected 1 to {MOST_USERS:,}")
    producers = options.consuming.producers_of(users)
    values: dict[str, object] = {
        "host": host,
        "trial_directory": trial_directory,
        "run_tag": run_tag,
        "queue": pushed.queue or f"load-{run_tag}",
        "loop": paced.loop,
        "shape": shape if _as_named(options, shape) else "custom",
        "client": pushed.client,
        "users": producers,
        "rate_msg_s": options.course.first_msg_s if options.course else paced.rate_msg_s,
        "batch": pushed.batch,
        "interval_ms": paced.interval_ms,
        "phase": paced.arrivals,
        "payload_bytes": pushed.mean_payload_bytes,
        "payload_sizes": pushed.payload_sizes,
        "partitions": producers if pushed.partitions == ONE_PER_USER else pushed.partitions,
        "in_flight": paced.in_flight,
        "warmup_s": paced.warm_up,
        "drain_s": DRAIN_S,
        "consuming": options.consuming.consuming(users),
        "check_s": options.consuming.drain_for,
    }
    plan = convert(values, LoadPlan)
    _expect_possible(plan, options.course.most_msg_s if options.course else plan.rate_msg_s)
    return plan


def check_start(parsed: argparse.Namespace, shape: str, *, needs_host: bool = True) -> None:
    """Refuse what a run could not begin with, of Locust's own options as well. Raises `OptionError`.

    `parsed` is what Locust has parsed, or what its form would make of it.
    """
    options = read_options(parsed)
    if parsed.host or needs_host:
        expect_host(parsed.host)
    if parsed.run_time is not None:
        _named("--run-time", check_run_time, parsed.run_time, str(parsed.run_time))
    users = 1 if parsed.num_users is None else parsed.num_users
    make_plan(options, shape=shape, host=parsed.host or "", users=users, trial_directory="", run_tag="")
    make_course(options)
    try:
        expect_writable(Path(options.results_dir))
    except SettingsError as error:
        raise OptionError(f"--results-dir {error}") from None


def make_course(options: LoadOptions) -> Course | None:
    """How the rate changes; None: it does not."""
    if options.course is None:
        return None
    return options.course.course(options.pacing.warm_up, options.batching.batch)


def expect_host(host: str | None) -> str:
    """The address of the server, once it and its token can be used. Raises `OptionError`."""
    if not host:
        raise OptionError("--host: the server's address is needed, for instance http://127.0.0.1:6632")
    _named("--host", server_address, host)
    try:
        read_token(os.environ)
    except ValueError as error:
        raise OptionError(str(error)) from None
    return host


def _named(name: str, check: Callable[..., object], *values: object) -> None:
    try:
        check(*values)
    except ValueError as error:
        raise OptionError(f"{name} {error}") from None


def _expect_possible(plan: LoadPlan, most_msg_s: float | None) -> None:
    """Refuse what no generator can do. `most_msg_s`: the highest rate; None: the interval says it."""
    if most_msg_s is not None:
        pushes_s, rate = most_msg_s / plan.batch, "the rate"
    else:
        pushes_s, rate = 1000 * plan.users / (plan.interval_ms or math.inf), "--interval"
    try:
        expect_possible(
            users=plan.users,
            partitions=plan.partitions,
            batch=plan.batch,
            payload_bytes=plan.payload_bytes,
            pushes_s=pushes_s,
        )
    except Impossible as error:
        names = {"batch": "--batch and --payload-bytes", "rate": rate}
        raise OptionError(f"{names.get(error.what, option_name(error.what))}: {error.text}") from None


def _as_named(options: LoadOptions, shape: str) -> bool:
    """Whether batch and interval, as far as it plays a part, are those that the name stands for."""
    scenario = SCENARIOS[shape]
    interval = options.pacing.interval if options.course is None else scenario.interval_ms
    return (options.batching.batch, interval) == (scenario.batch, scenario.interval_ms)


def arguments_of(options: LoadOptions) -> Mapping[str, Any]:
    """Every option of the load by its name, for the record of a run."""
    return {
        **asdict(options.batching),
        **asdict(options.pacing),
        **asdict(options.consuming),
        **(asdict(options.course) if options.course else {}),
        "results_dir": options.results_dir,
    }
