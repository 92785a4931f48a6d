"""`queen load`: a load of ours, with a server and a database to go with it.

Without `--host` it starts PostgreSQL and `queen serve`, runs Locust against them as a child process,
checks every message against the table when the load is over, and stops everything again.
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from loadtests.load.bounds import (
    MOST_NUMBER,
    MOST_POOL,
    MOST_USERS,
    number,
    run_time_s,
    server_address,
    whole_number,
)
from loadtests.load.scenario import SCENARIOS
from queen.cli import Command
from queen.errors import SettingsError
from queen.settings import PushStrategy

MAX_PORT = 65535
MOST_PROCESSES = 256
Value = TypeVar("Value")

EPILOG = """\
examples:
  queen load reasonable                         Locust's page, and a server
  queen load high --users 50 --headless         50 producers, 30 s, the figures
  queen load medium --rate 5000 --headless --run-time 2m --pool 50
  queen load saturation --headless              highest rate with a p99 of 50 ms
  queen load ramp --headless -- --to-rate 5000  the rate rises in steps
  queen load mixed --headless --run-time 10m    consumers too, with failures
  queen load high --host http://queue:6632      a server that runs already
  queen load high --processes 4 --rate 50000    four Locust processes share it
  queen load high -- --payload-bytes 2000       what is behind -- is Locust's

reasonable, medium and high are the guide's loads, soak is a long one, mixed
has consumers that fail or are slow; ramp and spike change the rate, saturation
looks for the highest that meets an objective, and these three end by
themselves.

The options of the load itself (batch, payload, …) stand in the page's form,
and, with the variable of the environment that sets each, below `locust -f
loadtests/locustfiles/high.py --help`. If the server at --host asks for a
bearer token, QUEEN_LOAD_TOKEN_FILE names a file with it.

Exit codes: 0 done, 1 it failed, or it is not known whether every message is
accounted for, 2 wrong usage, 3 not every message is (lost, duplicated,
unexplained or out of order), 130 a headless run was interrupted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("shape", choices=sorted(SCENARIOS), metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument(
        "--users",
        type=_whole(1, MOST_USERS),
        default=10,
        metavar="N",
        help="producers (10)",
    )
    parser.add_argument(
        "--rate",
        type=_read(partial(number, least=0, most=MOST_NUMBER, above=True)),
        metavar="MSG_S",
        help="messages/s of all producers together (100 for each); not with ramp, spike, saturation",
    )
    parser.add_argument(
        "--loop",
        choices=["open", "closed"],
        help="open (the default) or closed: push after each answer",
    )
    parser.add_argument(
        "--consumers",
        type=_read(partial(number, least=0, most=1)),
        metavar="SHARE",
        help="of the users that consume, 0 to 1 (0; mixed, soak: 0.5)",
    )
    parser.add_argument(
        "--processes",
        type=_whole(1, MOST_PROCESSES),
        default=1,
        metavar="N",
        help="Locust processes that share the load (1)",
    )
    parser.add_argument("--headless", action="store_true", help="no page: run, print the figures, end")
    parser.add_argument(
        "--run-time",
        type=_read(_run_time),
        metavar="TIME",
        help="for instance 30s or 5m (headless: 30s; mixed: 1m; soak: 1h)",
    )
    parser.add_argument(
        "--host",
        type=_read(server_address),
        metavar="URL",
        help="load a server that runs already, start none",
    )
    parser.add_argument(
        "--web-port",
        type=_whole(0, MAX_PORT),
        default=0,
        metavar="N",
        help="port of Locust's page (any free one)",
    )
    parser.add_argument(
        "--web-host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address of Locust's page (127.0.0.1); '*': all of them",
    )
    parser.add_argument(
        "--pool",
        type=_whole(1, MOST_POOL),
        metavar="N",
        help="DB_POOL_SIZE of the server that is started",
    )
    parser.add_argument(
        "--strategy",
        choices=[strategy.value for strategy in PushStrategy],
        help="PUSH_STRATEGY of the server that is started",
    )
    parser.add_argument("--results-dir", metavar="DIR", help="where runs go (results)")


def run(options: argparse.Namespace) -> int:
    """Run the load; returns the exit code. Raises `SettingsError` and `UserError`."""
    if options.host and (options.pool is not None or options.strategy):
        raise SettingsError("--pool and --strategy are for a server that is started here, not for --host")
    if options.rate is not None and options.loop == "closed":
        raise SettingsError(f"--rate {options.rate:g}: needs the open loop")
    scenario = SCENARIOS[options.shape]
    if scenario.course != "constant" and (options.rate is not None or options.loop == "closed"):
        raise SettingsError(f"--rate and --loop: {options.shape} changes the rate itself, in an open loop")
    if options.results_dir == "":
        raise SettingsError("--results-dir: expected a directory")
    from loadtests.commands.load_request import LoadRequest
    from loadtests.commands.load_session import run_session

    overrides = {"DB_POOL_SIZE": options.pool, "PUSH_STRATEGY": options.strategy}
    return run_session(
        LoadRequest(
            shape=options.shape,
            users=options.users,
            rate_msg_s=options.rate,
            loop=options.loop,
            processes=options.processes,
            consumers=options.consumers,
            headless=options.headless,
            run_time=options.run_time or (scenario.run_time if options.headless else None),
            host=options.host,
            web_port=options.web_port,
            web_host=options.web_host,
            results_dir=options.results_dir,
            handed_on=tuple(options.handed_on),
            server={name: str(value) for name, value in overrides.items() if value is not None},
        ),
        os.environ,
    )


def _read(read: Callable[[str], Value]) -> Callable[[str], Value]:
    """As the type of an option: what is wrong with a value is said in the words of `read`."""

    def as_type(text: str) -> Value:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return as_type


def _whole(least: int, most: int) -> Callable[[str], int]:
    return _read(partial(whole_number, least=least, most=most))


def _run_time(text: str) -> str:
    run_time_s(text)
    return text


COMMAND = Command(
    help="Load a server: the guide's loads, a ramp, a search, …; with a page or headless.",
    epilog=EPILOG,
    add_arguments=add_arguments,
    run=run,
    hands_on=True,
)
