"""The options of a load that a person starts: Locust's custom arguments, in its web form too.

`BATCH_SIZE` and `INTERVAL` (ms) in the environment are the guide's names for the batching. A default is
never None: Locust's web form keeps the type of the value that an option has.
"""

import argparse
import math
from collections.abc import Mapping
from typing import Any

import msgspec
from locust.argument_parser import LocustArgumentParser
from msgspec import Struct

from loadtests.load.plan import SHAPES, LoadPlan
from loadtests.results import Client, Loop

WARMUP_S = 1.0
DRAIN_S = 5.0  # longer than DB_CONNECTION_TIMEOUT + 1 s by default
ONE_PER_USER = 0
RATE_FROM_INTERVAL = 0.0
QUEUE_PER_RUN = ""  # a run can be checked against its table only when nobody else wrote there


class OptionError(ValueError):
    """An option cannot be used. One line that names it."""


class LoadOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person can choose, as Locust's parser names it."""

    batch: int
    interval: float
    loop: Loop
    rate: float
    arrivals: str
    partitions: int
    payload_bytes: int
    queue: str
    client: Client
    consumers: float
    warm_up: float
    results_dir: str


def add_arguments(parser: LocustArgumentParser, shape: str) -> None:
    """Add the options; the shape gives the defaults of batch and interval."""
    batch, interval_ms = SHAPES[shape]
    add = parser.add_argument
    add("--batch", type=int, default=batch, env_var="BATCH_SIZE", help="messages in one push")
    add(
        "--interval",
        type=float,
        default=interval_ms,
        env_var="INTERVAL",
        help="ms between two pushes of one producer (open loop)",
    )
    add(
        "--loop",
        choices=["open", "closed"],
        default="open",
        help="open: pushes keep a schedule; closed: the next push right after the answer",
    )
    add(
        "--rate",
        type=float,
        default=RATE_FROM_INTERVAL,
        help="messages/s of all producers together (open loop); 0: one batch every interval each",
    )
    add(
        "--arrivals",
        choices=["random", "aligned", "poisson"],
        default="random",
        help="open loop: a fixed interval with random phases, all in step, or Poisson arrivals",
    )
    add("--partitions", type=int, default=ONE_PER_USER, help="partitions of the queue; 0: one per producer")
    add("--payload-bytes", type=int, default=300, help="size of one message")
    add("--queue", default=QUEUE_PER_RUN, help="name of the queue; empty: a new one for each run")
    add(
        "--client",
        choices=["raw", "fast"],
        default="raw",
        help="raw: plain sockets, highest load; fast: Locust's FastHttpUser",
    )
    add("--consumers", type=float, default=0.0, help="share of the users that consume, 0 to 1")
    add("--warm-up", type=float, default=WARMUP_S, help="seconds after the ramp-up before measuring")
    add("--results-dir", default="results", include_in_web_ui=False, help="where runs are written")


def read_options(parsed: argparse.Namespace) -> LoadOptions:
    """The options out of what Locust parsed or its web form changed. Raises `OptionError`."""
    values = {name: getattr(parsed, name) for name in LoadOptions.__struct_fields__}
    try:
        options = msgspec.convert(values, LoadOptions)
    except msgspec.ValidationError as error:
        raise OptionError(_named(error)) from None
    if not 0 <= options.consumers <= 1:
        raise OptionError(f"--consumers {options.consumers:g}: expected a share from 0 to 1")
    for name, value in (("--interval", options.interval), ("--batch", options.batch)):
        if not 0 < value < math.inf:
            raise OptionError(f"{name} {value:g}: expected more than 0")
    for name, value in (("--rate", options.rate), ("--warm-up", options.warm_up)):
        if not 0 <= value < math.inf:
            raise OptionError(f"{name} {value:g}: expected 0 or more")
    return options


def make_plan(
    options: LoadOptions, *, shape: str, host: str, users: int, trial_directory: str, run_tag: str
) -> LoadPlan:
    """The same plan that a sweep would write; `users` counts consumers too. Raises `OptionError`."""
    producers = max(1, users - math.floor(users * options.consumers))
    offered = options.rate if options.loop == "open" and options.rate else None
    values = {
        "host": host,
        "trial_directory": trial_directory,
        "run_tag": run_tag,
        "queue": options.queue or f"load-{run_tag}",
        "loop": options.loop,
        "shape": shape if (options.batch, options.interval) == SHAPES[shape] else "custom",
        "client": options.client,
        "users": producers,
        "rate_msg_s": offered,
        "batch": options.batch,
        "interval_ms": options.interval if options.loop == "open" else None,
        "phase": options.arrivals,
        "payload_bytes": options.payload_bytes,
        "partitions": producers if options.partitions == ONE_PER_USER else options.partitions,
        "warmup_s": options.warm_up,
        "drain_s": DRAIN_S,
    }
    try:
        return msgspec.convert(values, LoadPlan)
    except msgspec.ValidationError as error:
        raise OptionError(_named(error)) from None


def arguments_of(parsed: argparse.Namespace) -> Mapping[str, Any]:
    """Every option of the load by its name, for the record of a run."""
    return {name: getattr(parsed, name) for name in LoadOptions.__struct_fields__}


def _named(error: msgspec.ValidationError) -> str:
    """`--payload-bytes: expected …` from msgspec's "Expected … - at `$.payload_bytes`"."""
    expectation, _, place = str(error).partition(" - at `$.")
    option = "--" + place.rstrip("`").replace("_", "-")
    return f"{option}: {expectation[0].lower()}{expectation[1:].replace('`', '')}"
