"""`queen serve`: the queue server, and a PostgreSQL to go with it when none is named.

With `PG_HOST` the server runs in this process, or in NUM_WORKERS processes below it, and that is all.
Without it PostgreSQL is started first and stopped last, around the server, which never learns the
difference.
"""

import argparse
import ipaddress
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from queen.cli import Command
from queen.commands.foreground import held_open, sigterm_interrupts
from queen.errors import SettingsError
from queen.settings import Settings, load

OPTIONS = {  # command-line option → environment variable that it overrides
    "host": "HOST",
    "port": "PORT",
    "pool_size": "DB_POOL_SIZE",
    "strategy": "PUSH_STRATEGY",
    "log_level": "LOG_LEVEL",
}
EPILOG = """\
examples:
  queen serve                                   a temporary database, port 6632
  queen serve --data ~/queen-data               its data is kept
  PG_HOST=db PG_USER=queen queen serve          a server that runs already
  queen serve --pool-size 50 --strategy batch   another pool, another strategy
  NUM_WORKERS=4 queen serve                     four processes on one port that
                                                share the pool size

An option overrides the environment variable that stands in brackets, with its
default. All variables are described in queen/settings.py. Exit codes: 0
stopped by SIGTERM or SIGINT with every request answered, 1 it failed, 2 wrong
settings."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options; each overrides an environment variable."""
    parser.add_argument("--host", help="address to listen on (HOST, 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on, 0: any free one (PORT, 6632)")
    parser.add_argument("--pool-size", metavar="N", help="database connections at most (DB_POOL_SIZE, 20)")
    parser.add_argument(
        "--strategy", help="how pushes are inserted: sequential, batch, coalesce (PUSH_STRATEGY, coalesce)"
    )
    parser.add_argument("--log-level", metavar="LEVEL", help="debug, info, warn or error (LOG_LEVEL, info)")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="keep the database of our own PostgreSQL there"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal; returns the server's exit code."""
    given: Mapping[str, str | None] = {name: getattr(options, name) for name in OPTIONS}
    overridden = {OPTIONS[name]: value for name, value in given.items() if value is not None}
    settings = load({**os.environ, **overridden})
    if warning := public_without_token(settings):
        print(f"queen: warning: {warning}", file=sys.stderr)
    if settings.pg_host:
        if options.data is not None:
            raise SettingsError("--data is for a PostgreSQL of our own, but PG_HOST names another")
        return _serve(settings)
    return _serve_with_postgres(settings, options.data)


def public_without_token(settings: Settings) -> str | None:
    """A warning when others than this machine can reach a server that asks for no token."""
    if settings.queen_token or _is_loopback(settings.host):
        return None
    return f"HOST={settings.host} without QUEEN_TOKEN: whoever reaches port {settings.port} may do anything"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _serve_with_postgres(settings: Settings, data: Path | None) -> int:
    from queen.local.open_database import room_for
    from queen.local.postgres import PostgresServer

    starting = PostgresServer.start(settings=room_for(settings.db_pool_size, settings.num_workers), data=data)
    with sigterm_interrupts(), held_open(starting) as postgres:
        what = f"PostgreSQL {postgres.version} ({postgres.source})"
        kept = f"data in {data}" if data else "temporary (--data DIR keeps it)"
        print(f"queen: {what} on {postgres.host}:{postgres.port}, {kept}", file=sys.stderr)
        return _serve(load({**settings.environ(), **postgres.environ()}))


def _serve(settings: Settings) -> int:
    from queen.local.scratch import temporary_directory
    from queen.server import supervisor, worker

    if settings.num_workers == 1:
        return worker.run(settings)
    with temporary_directory("workers") as directory:  # the next command removes that of a killed one
        return supervisor.run(settings, directory)


COMMAND = Command(
    help="Run the queue server, with a PostgreSQL of its own unless PG_HOST names one.",
    epilog=EPILOG,
    add_arguments=add_arguments,
    run=run,
)
