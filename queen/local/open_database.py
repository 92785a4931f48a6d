"""The database that a server should use: one that runs already, or one that is started for the while."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import asyncpg

from queen.database_failures import DATABASE_FAILURES, one_line
from queen.errors import UserError
from queen.local.database import Database
from queen.local.postgres import PostgresServer
from queen.local.postgres_binaries import Source
from queen.settings import load

ANSWER_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 5.0
STOCK_MAX_CONNECTIONS = 200
SPARE_CONNECTIONS = 30  # beside the server: the sampler, the audit, superuser_reserved_connections

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, kw_only=True)
class OpenDatabase:
    """A database that answers. `server` is there when it is ours, and `version` is for instance "18.6"."""

    address: Database
    source: Literal["PG_HOST"] | Source
    version: str
    server: PostgresServer | None = None

    def environ(self) -> Mapping[str, str]:
        """The variables that point the queue server at it."""
        return self.address.environ()


@asynccontextmanager
async def open_database(
    environ: Mapping[str, str] = os.environ,
    *,
    settings: Mapping[str, str] | None = None,
    data: Path | None = None,
) -> AsyncIterator[OpenDatabase]:
    """The database of an environment: the one at `PG_HOST`, else a PostgreSQL that we start and stop.

    `settings` and `data` are for the started one (`PostgresServer.start`). Raises `UserError` when the
    outside server does not answer or none can be started.
    """
    if outside := outside_database(environ):
        yield OpenDatabase(address=outside, source="PG_HOST", version=await server_version(outside))
        return
    async with PostgresServer.start(settings=settings, data=data, environ=environ) as server:
        yield OpenDatabase(
            address=server.address(), source=server.source, version=server.version, server=server
        )


def outside_database(environ: Mapping[str, str]) -> Database | None:
    """What `PG_HOST` and its fellows name; None when it is not set. Raises `SettingsError`."""
    given = load(environ)
    if not given.pg_host:
        return None
    return Database(
        host=given.pg_host,
        port=given.pg_port,
        user=given.pg_user,
        password=given.pg_password,
        name=given.pg_db,
    )


def room_for(pool: int, workers: int) -> Mapping[str, str]:
    """The settings of a PostgreSQL of ours for a server with that DB_POOL_SIZE and NUM_WORKERS.

    Each worker has one connection for wake-ups beside the pool, and others look in.
    """
    return {"max_connections": str(max(STOCK_MAX_CONNECTIONS, pool + workers + SPARE_CONNECTIONS))}


async def connect(database: Database, *, timeout_s: float) -> Connection:
    """One connection. Raises `UserError`, one line, when there is no answer in time or we are refused."""
    where = f"PG_HOST={database.host} PG_PORT={database.port} PG_USER={database.user} PG_DB={database.name}"
    try:
        connection: Connection = await asyncpg.connect(
            host=database.host,
            port=database.port,
            user=database.user,
            password=database.password or None,
            database=database.name,
            timeout=timeout_s,
        )
    except TimeoutError:
        raise UserError(f"{where}: no answer within {timeout_s:g} s") from None
    except DATABASE_FAILURES as error:
        raise UserError(f"{where}: {one_line(error)}") from None
    return connection


async def close(connection: Connection) -> None:
    """Close it politely, or at once when that fails: its server may be gone."""
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except DATABASE_FAILURES:
        connection.terminate()


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Around statements without which there is nothing to do: their failure is a `UserError`, one line."""
    try:
        yield
    except DATABASE_FAILURES as error:
        raise UserError(f"{what}: {one_line(error)}") from None


async def server_version(database: Database) -> str:
    """Connect and ask for its version. Raises `UserError` when it does not answer or refuses us."""
    connection = await connect(database, timeout_s=ANSWER_TIMEOUT_S)
    try:
        reported: str = connection.get_settings().server_version  # "15.18 (Debian 15.18-0+deb12u1)"
        return reported.split(maxsplit=1)[0]
    finally:
        await close(connection)
