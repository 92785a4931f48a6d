"""`queen db`: a PostgreSQL to work with, and which one would be used."""

import argparse
import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from queen.cli import EXIT_FAILED, Command
from queen.errors import SettingsError

if TYPE_CHECKING:
    from queen.local.postgres import PostgresServer

EPILOG = """\
examples:
  queen db where                                which one would be used, and why
  queen db start                                a temporary one, until Ctrl-C
  queen db start --data ~/queen-data --port 5433 --set work_mem=16MB
  queen db start > pg.env &                     then, when it is up: . ./pg.env

Order of choice: PG_HOST, QUEEN_PG_BIN, the embedded one, an installed one.

Exit codes: 0 stopped by SIGINT or SIGTERM, 1 PostgreSQL failed or none was
found, 2 wrong usage."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The two sub-commands."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    start = actions.add_parser("start", help="run PostgreSQL in the foreground; prints the lines to export")
    start.add_argument("--data", type=Path, metavar="DIR", help="keep the database there (else: temporary)")
    start.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    start.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of postgresql.conf; repeatable",
    )
    start.set_defaults(action=_start)
    where = actions.add_parser("where", help="say which PostgreSQL would be used, and why")
    where.set_defaults(action=_where)


def run(options: argparse.Namespace) -> int:
    """Run the chosen action."""
    code: int = options.action(options)
    return code


def _start(options: argparse.Namespace) -> int:
    settings = dict(_setting(text) for text in options.set)
    return asyncio.run(_run_until_signal(settings, options.data, options.port))


async def _run_until_signal(settings: dict[str, str], data: Path | None, port: int) -> int:
    from queen.local.postgres import PostgresServer

    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        async with PostgresServer.start(settings=settings, data=data, port=port) as server:
            _introduce(server, data)
            returncode = await server.wait()
    except asyncio.CancelledError:
        return 0
    print(f"queen: PostgreSQL ended by itself ({returncode})", file=sys.stderr)
    return EXIT_FAILED


def _introduce(server: "PostgresServer", data: Path | None) -> None:
    for name, value in server.environ().items():
        print(f"export {name}={shlex.quote(value)}", flush=True)
    kept = f"data in {data}" if data else "temporary data"
    print(
        f"queen: PostgreSQL {server.version} ({server.source}) runs with {kept}; Ctrl-C stops it",
        file=sys.stderr,
        flush=True,
    )


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"--set {text}: expected NAME=VALUE")
    return name.strip(), value.strip()


def _where(options: argparse.Namespace) -> int:
    for line in describe_choice():
        print(line)
    return 0


def describe_choice() -> Iterator[str]:
    """Lines that say which PostgreSQL an environment leads to. Raises `UserError` when to none."""
    from queen.local.open_database import outside_database, server_version
    from queen.local.postgres_binaries import choose
    from queen.local.users import database_user

    if outside := outside_database(os.environ):
        version = asyncio.run(server_version(outside))
        yield f"PostgreSQL {version} at {outside.host}:{outside.port}: PG_HOST is set and it answers"
        return
    user = database_user()
    choice = choose(os.environ, user)
    yield f"PostgreSQL {choice.binaries.version} ({choice.binaries.source}), started when it is needed"
    yield f"programs: {choice.binaries.bindir}"
    if user is not None:
        yield f"run as: {user.name} (PostgreSQL does not run as root)"
    for rejected in choice.rejected:
        yield f"passed over: {rejected.bindir}: {rejected.reason}"


COMMAND = Command(
    help="Start a PostgreSQL to work with, or say which one would be used.",
    epilog=EPILOG,
    add_arguments=add_arguments,
    run=run,
)
