"""`queen ceiling`: what the database can do, what our server does, and the ratios of the two."""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from queen.cli import EXIT_INTERRUPTED, Command

if TYPE_CHECKING:
    from loadtests.ceiling.part import Part

EPILOG = """\
examples:
  queen ceiling                                    the ratios
  queen ceiling --rounds 3 --seconds 0.5           a quick look
  queen ceiling --part matrix --rounds 1 --json    another part, as JSON
  queen ceiling --part table --rows 1000000        a table of a million messages
  queen ceiling --part table --set work_mem=16MB   another setting of PostgreSQL
  PUSH_MAX_FLUSHES=4 queen ceiling                 another one of the servers

Every cell is measured once in each round, in shuffled order; ratios are taken
within a round. The load comes from wrk where it is installed. PG_HOST (with
PG_PORT, PG_USER, PG_PASSWORD, PG_DB) names a database server to use; without
it one is started. Each server has a database of its own, which is dropped. The
table is on stdout, progress on stderr.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 table and answers do not agree,
130 interrupted (what is finished is kept)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options, and the parts with their times, which the parts themselves know."""
    from loadtests.ceiling.parts import PARTS

    parser.epilog = f"{_described(PARTS.values())}\n\n{parser.epilog or ''}"
    parser.add_argument(
        "--part", default="ratios", metavar="PART", help="what to measure: see below (ratios)"
    )
    parser.add_argument(
        "--rounds", type=_positive, metavar="N", help="rounds of all cells (each part has its own number)"
    )
    parser.add_argument(
        "--seconds", type=_seconds, metavar="S", help="length of a measured window (each part has its own)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the PostgreSQL that is started; repeatable",
    )
    parser.add_argument(
        "--rows",
        type=_positive,
        metavar="N",
        help="messages in the large table of --part table and table-random (10 million)",
    )
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="of the order and the payloads (7)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="the run's directory (results/RUN)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, for programs")


def run(options: argparse.Namespace) -> int:
    """Measure; returns the exit code."""
    import uvloop

    from loadtests.ceiling import session
    from loadtests.sweep.interruption import Interrupted, run_until_interrupted

    request = session.request(
        part=session.part_named(options.part, options.rows),
        rounds=options.rounds,
        measure_s=options.seconds,
        settings=options.set,
        seed=options.seed,
        output=options.output,
        command=("queen", *sys.argv[1:]),
        environ=os.environ,
    )
    work = session.measure_and_report(request, as_json=options.json)
    try:
        return run_until_interrupted(work, uvloop.new_event_loop)
    except Interrupted:
        kept = f"; queen report {request.run.root} tells what is there" if request.run.root.exists() else ""
        print(f"queen: interrupted{kept}", file=sys.stderr)
        return EXIT_INTERRUPTED


def _described(parts: "Iterable[Part]") -> str:
    lines = [
        f"  {part.name:13s}{part.help}\n{'':15s}{part.rounds} rounds, windows of {part.measure_s:g} s: "
        f"about {part.takes}"
        for part in parts
    ]
    return "\n".join(("parts, with their times on a machine of two processors:", *lines))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds from 0.1 to 600")
    return seconds


COMMAND = Command(
    help="Measure what the database can do and what the server makes of it.",
    epilog=EPILOG,
    add_arguments=add_arguments,
    run=run,
)
