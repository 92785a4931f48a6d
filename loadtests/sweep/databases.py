"""A database of its own for every trial: tables are always fresh, and nothing of the user's is touched.

One connection to the maintenance database makes and drops them. All names begin with `queen_trial_`;
a database with another name is never written to.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from loadtests.sweep.naming import DATABASE_PREFIX
from queen.database_failures import DATABASE_FAILURES
from queen.errors import UserError
from queen.local import open_database
from queen.local.database import Database
from queen.local.open_database import Connection, asking, close

CONNECT_TIMEOUT_S = 10.0
CONNECTIONS_BESIDE_THE_SERVER = 7  # migrations, sampler, audit, some reserve
ROUND_TRIPS = 21  # of which the median counts
ABILITIES_SQL = Path(__file__).with_name("abilities.sql").read_text(encoding="utf-8")


async def connect(database: Database) -> Connection:
    """A connection of the sweep's own. Raises `UserError` when there is none to be had."""
    return await open_database.connect(database, timeout_s=CONNECT_TIMEOUT_S)


class TrialDatabases:
    """Makes and drops the databases of the trials on one server."""

    def __init__(self, server: Database, connection: Connection) -> None:
        self._server = server
        self._connection = connection
        self._one_at_a_time = asyncio.Lock()
        self._may_checkpoint = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, server: Database, *, largest_pool: int, workers: int = 1
    ) -> AsyncIterator["TrialDatabases"]:
        """Connect and see that the trials can run there.

        `workers`: the most processes of a server; each has one connection for wake-ups beside the pool.
        Raises `UserError` when we may not create databases, or when the largest pool does not fit.
        """
        connection = await connect(server)
        try:
            databases = cls(server, connection)
            await databases._check(largest_pool, workers)
            yield databases
        finally:
            await close(connection)

    @property
    def may_checkpoint(self) -> bool:
        """Whether `checkpoint` does anything: not every user may."""
        return self._may_checkpoint

    @asynccontextmanager
    async def fresh(self, name: str, *, synchronous_commit: str = "on") -> AsyncIterator[Database]:
        """An empty database, dropped at the end whoever is still connected to it.

        Raises `UserError` when it cannot be made (for instance no space).
        """
        quoted = _quoted(name)
        try:  # an interruption that comes while it is made may come too late for the database
            with asking("cannot create a database"):
                await self._execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")  # of a killed sweep
                await self._execute(f"CREATE DATABASE {quoted}")
                if synchronous_commit != "on":
                    await self._execute(f"ALTER DATABASE {quoted} SET synchronous_commit = off")
            yield replace(self._server, name=name)
        finally:
            await self._drop(quoted)

    async def checkpoint(self) -> None:
        """Begin a trial with clean buffers, so that no earlier trial's writes fall into its window."""
        if self._may_checkpoint:
            await self._execute("CHECKPOINT")

    async def settings(self) -> dict[str, str]:
        """The server's settings that differ from PostgreSQL's own, as they really apply.

        Raises `UserError`.
        """
        async with self._one_at_a_time:
            with asking("cannot read the settings of the database"):
                rows = await self._connection.fetch(
                    "SELECT name, current_setting(name) AS value FROM pg_settings "
                    "WHERE source NOT IN ('default', 'client', 'session') ORDER BY name"
                )
        return {row["name"]: row["value"] for row in rows}

    async def _check(self, largest_pool: int, workers: int) -> None:
        with asking("cannot ask what may be done on the database"):
            row = await self._connection.fetchrow(ABILITIES_SQL)
        assert row is not None
        self._may_checkpoint = row["may_checkpoint"]
        if not row["may_create"]:
            raise UserError(
                f"user {self._server.user} may not create databases, and a trial never uses an existing one: "
                f"ALTER ROLE {self._server.user} CREATEDB, or unset PG_HOST to use the embedded PostgreSQL"
            )
        needed = largest_pool + workers + CONNECTIONS_BESIDE_THE_SERVER
        if row["free_connections"] < needed:
            raise UserError(
                f"a pool of {largest_pool} needs {needed} connections, {row['free_connections']} are free "
                f"(max_connections = {row['max_connections']}): raise max_connections or choose smaller pools"
            )

    async def _drop(self, quoted: str) -> None:
        with suppress(*DATABASE_FAILURES):  # the server may be gone
            await self._execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")

    async def _execute(self, statement: str) -> None:
        async with self._one_at_a_time:
            await self._connection.execute(statement)


async def round_trip_ms(database: Database) -> float:
    """Median round trip of a trivial statement, connection set-up aside. Raises `UserError`."""
    connection = await connect(database)
    try:
        durations_s = []
        for _ in range(ROUND_TRIPS):
            started_s = time.perf_counter()
            await connection.fetchval("SELECT 1")
            durations_s.append(time.perf_counter() - started_s)
        return round(1000 * statistics.median(durations_s), 3)
    finally:
        await close(connection)


def _quoted(name: str) -> str:
    if not name.startswith(DATABASE_PREFIX) or not name.replace("_", "").isalnum():
        raise ValueError(f"not the name of a trial's database: {name!r}")
    return f'"{name}"'
