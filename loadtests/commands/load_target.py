"""The server that `queen load` loads: one that runs already, or one that is started with a database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.load.server_facts import ServerFacts
from queen.errors import UserError
from queen.local.database import Database
from queen.local.open_database import OpenDatabase, open_database, room_for
from queen.local.server import QueenServer
from queen.settings import Settings, load

LOOPBACK = "127.0.0.1"
CONNECT_PATIENCE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Target:
    """The server under load. `database` is there when it is ours to look into."""

    url: str
    facts: ServerFacts
    started: "StartedServer | None" = None


@dataclass(frozen=True, kw_only=True)
class StartedServer:
    """A server that we have started, and its database."""

    database: Database
    log: Path
    pid: int
    postgres_pid: int | None  # None: the database is not ours


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
    settings = load({**environ, **overrides, "PORT": "0", "HOST": LOOPBACK})
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(environ, settings=room_for(settings.db_pool_size, settings.num_workers))
        )
        log = scratch / "server.log"
        given = {**settings.environ(), **database.environ()}
        server = await stack.enter_async_context(QueenServer.start(given, log=log))
        facts = _facts(settings, database)
        postgres_pid = database.server.pid if database.server is not None else None
        started = StartedServer(database=database.address, log=log, pid=server.pid, postgres_pid=postgres_pid)
        yield Target(url=server.url, facts=facts, started=started)


def _facts(settings: Settings, database: OpenDatabase) -> ServerFacts:
    return ServerFacts(
        strategy=settings.push_strategy.value,
        pool=settings.db_pool_size,
        connection_timeout_ms=settings.db_connection_timeout,
        num_workers=settings.num_workers,
        server=f"queen on PostgreSQL {database.version} ({database.source})",
        postgres=database.version,
        postgres_source=database.source,
        settings=settings.public(),
    )
