"""`queen sweep`: measure a matrix of configurations, and let `queen report` say what was found."""

import argparse
import os
import sys
from pathlib import Path

from queen.cli import EXIT_INTERRUPTED, Command

EPILOG = """\
examples:
  queen sweep                           the quick experiment (about 4.5 minutes)
  queen sweep pool-size                 a ready one of loadtests/experiments/
  queen sweep mine.toml --budget 600    one of your own, within ten minutes
  queen sweep --pool 2,5,20,50 --strategy sequential,batch --rtt 0,2 --blocks 4
  queen sweep --pool 1,5 --rate 5000 --connection-timeout 2000 --warmup 6
  queen sweep --resume results/20261125T031500Z-pool-size-quick

PG_HOST (with PG_PORT, PG_USER, PG_PASSWORD, PG_DB) names a database server to
use; without it one is started. Every trial has a database of its own, which is
dropped. Results are in results/RUN; the finding is on stdout, progress on
stderr.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not every message is accounted
for (lost, duplicated, unexplained or out of order), 130 interrupted (finished
trials are kept: --resume)."""

WARMUP_HELP = (
    "seconds before the measured window, to the letter; without it warm-up and window last longer where "
    "callers wait for the pool, so that its refusals are seen"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "experiment",
        nargs="?",
        metavar="EXPERIMENT",
        help="a .toml file or the name of a ready one (quick); it has all factors",
    )
    factors = parser.add_argument_group("factors (comma-separated levels, crossed)")
    factors.add_argument("--strategy", metavar="NAME,…", help="sequential, batch, coalesce")
    factors.add_argument("--pool", metavar="N,…", help="DB_POOL_SIZE, connections")
    factors.add_argument("--rtt", metavar="MS,…", help="round trip added between server and database, ms")
    factors.add_argument("--batch", metavar="N,…", help="messages in a push")
    factors.add_argument("--clients", metavar="N,…", help="producers, each with a partition of its own")
    factors.add_argument("--connection-timeout", metavar="MS,…", help="DB_CONNECTION_TIMEOUT, ms")
    factors.add_argument("--rate", metavar="N,…", help="offered load, messages/s: an open loop")
    repeats = parser.add_argument_group("time and repeats")
    repeats.add_argument("--blocks", metavar="N", help="repeats of every cell, in shuffled blocks")
    repeats.add_argument("--warmup", metavar="S", help=WARMUP_HELP)
    repeats.add_argument(
        "--measure", metavar="S", help="seconds of the measured window, or more: see --warmup"
    )
    repeats.add_argument(
        "--budget", metavar="S", help="seconds for everything: blocks are dropped, never below 3"
    )
    repeats.add_argument("--seed", metavar="N", help="of the order of trials and of the load")
    parser.add_argument(
        "--results-dir",
        type=_directory,
        default=Path("results"),
        metavar="DIR",
        help="where runs go (results)",
    )
    parser.add_argument(
        "--resume", metavar="RUN", help="run what is missing of a run: its directory or its name"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and its estimated time")


def run(options: argparse.Namespace) -> int:
    """Run the sweep; returns the exit code."""
    from loadtests.sweep import session
    from loadtests.sweep.interruption import Interrupted, run_until_interrupted
    from loadtests.sweep.options import Asked

    names = Asked.__struct_fields__
    asked = Asked(**{name: getattr(options, name) for name in names})
    if options.dry_run:
        print(session.plan_text(session.asked_experiment(asked, options.results_dir, options.resume)))
        return 0
    command = ("queen", *sys.argv[1:])
    request = session.request(asked, options.results_dir, options.resume, command, os.environ)
    try:
        return run_until_interrupted(session.sweep_and_report(request))
    except Interrupted:
        rest = session.how_to_resume(request.run)
        print(f"queen: interrupted{f'; {rest}' if rest else ' before it began'}", file=sys.stderr)
        return EXIT_INTERRUPTED


def _directory(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("expected a directory")
    return Path(text)


COMMAND = Command(
    help="Measure a matrix of pool settings and report which to use.",
    epilog=EPILOG,
    add_arguments=add_arguments,
    run=run,
)
