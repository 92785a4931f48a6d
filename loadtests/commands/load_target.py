"""The server that `queen load` loads: one that runs already, or one that is started with a database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from loadtests.commands.load_remains import has_schema
from loadtests.runs.server_facts import ServerFacts
from loadtests.sweep.databases import connect
from queen.errors import SettingsError, UserError
from queen.local.database import Database
from queen.local.open_database import SPARE_CONNECTIONS, OpenDatabase, asking, close, open_database, room_for
from queen.local.server import QueenServer
from queen.settings import Settings, load

LOOPBACK = "127.0.0.1"
CONNECT_PATIENCE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Target:
    """The server under load. `started` is there when it is ours to look into.

    `made_schema`: in a database that is not ours, where it stays.
    """

    url: str
    facts: ServerFacts
    started: "RestartableServer | None" = None
    made_schema: bool = False


class RestartableServer:
    """`queen serve` at one address, which stays the same when it is started anew with another pool."""

    def __init__(self, settings: Settings, database: OpenDatabase, *, most_pool: int, log: Path) -> None:
        self.log = log
        self.most_pool = most_pool  # the largest that the database has room for
        self._settings = settings
        self._database = database
        self._running: QueenServer | None = None
        self._stack = AsyncExitStack()

    @classmethod
    @asynccontextmanager
    async def start(
        cls, settings: Settings, database: OpenDatabase, *, log: Path
    ) -> AsyncIterator["RestartableServer"]:
        """Start it, and stop it at the end. Raises `UserError`, `SettingsError` for too large a pool."""
        most_pool = await _room_in(database.address, settings.num_workers)
        if settings.db_pool_size > most_pool:
            possible = f"{settings.num_workers} to {most_pool} connections are possible on this database"
            raise SettingsError(f"--pool (DB_POOL_SIZE) {settings.db_pool_size}: {possible}")
        server = cls(settings, database, most_pool=most_pool, log=log)
        try:
            await server._start(settings)
            yield server
        finally:
            await server._stack.aclose()

    @property
    def url(self) -> str:
        """Where it listens, also while it is being started anew."""
        return f"http://{LOOPBACK}:{self._settings.port}"

    @property
    def token(self) -> str:
        """The bearer token that it asks for; empty: none."""
        return self._settings.queen_token

    @property
    def pid(self) -> int:
        """Process id of the server that runs now."""
        assert self._running is not None
        return self._running.pid

    @property
    def database(self) -> Database:
        """What it stores in."""
        return self._database.address

    @property
    def postgres_pid(self) -> int | None:
        """Process id of the database; None: it is not ours."""
        return self._database.server.pid if self._database.server is not None else None

    @property
    def facts(self) -> ServerFacts:
        """How it is configured now."""
        return _facts(self._settings, self._database)

    async def restart(self, pool: int) -> ServerFacts:
        """Stop it and start it with this pool; its facts then.

        Raises `UserError` for a pool that has no room in the database, with nothing changed, and when the
        server does not come up, with the old pool as before if that is possible.
        """
        before = self._settings
        if not before.num_workers <= pool <= self.most_pool:
            possible = f"{before.num_workers} to {self.most_pool}"
            raise UserError(f"a pool of {pool}: {possible} connections are possible on this database")
        wanted = replace(before, db_pool_size=pool)
        await self._stack.aclose()
        try:
            await self._start(wanted)
        except UserError as error:
            await self._start(before)
            raise UserError(f"{error}; the pool is {before.db_pool_size} as before") from None
        return self.facts

    async def _start(self, settings: Settings) -> None:
        given = {**settings.environ(), **self._database.environ()}
        self._stack = AsyncExitStack()
        starting = QueenServer.start(given, log=self.log, log_stays=False)
        self._running = await self._stack.enter_async_context(starting)
        port = urlsplit(self._running.url).port
        assert port is not None
        self._settings = replace(settings, port=port)


async def _room_in(database: Database, workers: int) -> int:
    """The largest pool that the database allows beside those who look in. Raises `UserError`."""
    connection = await connect(database)
    try:
        with asking("cannot ask how many connections the database allows"):
            most = int(await connection.fetchval("SHOW max_connections"))
    finally:
        await close(connection)
    return most - workers - SPARE_CONNECTIONS


async def _require_answer(host: str) -> None:
    """Raises `UserError` when nobody listens at the address: nothing could be learned from such a load."""
    parts = urlsplit(host)
    try:
        async with asyncio.timeout(CONNECT_PATIENCE_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    except OSError as error:  # TimeoutError is one, without a text
        raise UserError(f"--host {host}: nobody answers there: {str(error) or 'timed out'}") from None
    writer.close()


@asynccontextmanager
async def open_target(
    host: str | None, overrides: Mapping[str, str], environ: Mapping[str, str], scratch: Path
) -> AsyncIterator[Target]:
    """The server at `host`, or, when that is None, one that is started with a database.

    `overrides` are settings of the started server; its log goes into `scratch`. Raises `SettingsError` and
    `UserError`.
    """
    if host is not None:
        await _require_answer(host)
        yield Target(url=host, facts=ServerFacts())
        return
    settings = read_settings(overrides, environ)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(environ, settings=room_for(settings.db_pool_size, settings.num_workers))
        )
        makes_schema = database.server is None and not await has_schema(database.address)
        server = await stack.enter_async_context(
            RestartableServer.start(settings, database, log=scratch / "server.log")
        )
        yield Target(url=server.url, facts=server.facts, started=server, made_schema=makes_schema)


def read_settings(overrides: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Of the server that is started for a load, but for its port. Raises `SettingsError`."""
    return load({**environ, **overrides, "PORT": "0", "HOST": LOOPBACK})


def _facts(settings: Settings, database: OpenDatabase) -> ServerFacts:
    return ServerFacts(
        url=f"http://{LOOPBACK}:{settings.port}",
        strategy=settings.push_strategy.value,
        pool=settings.db_pool_size,
        connection_timeout_ms=settings.db_connection_timeout,
        num_workers=settings.num_workers,
        server=f"queen on PostgreSQL {database.version} ({database.source})",
        postgres=database.version,
        postgres_source=database.source,
        settings=settings.public(),
    )
