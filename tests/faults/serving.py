"""A PostgreSQL that a test may kill, in place of the session's, and servers that it may kill as well."""

import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from queen.local.database import Database
from queen.local.postgres import PostgresServer
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.conformance import figures
from tests.conformance.client import Client
from tests.databases import connected

WORKERS = 2
GRACE_S = 5.0  # SHUTDOWN_GRACE
OURS = "select pid from pg_stat_activity where application_name like 'queen%' and datname = $1"
TERMINATE = "select pg_terminate_backend(pid) from unnest($1::int[]) pid"


class Postgres:
    """A cluster in a directory, served by one process after the other on the same port."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._stack = AsyncExitStack()
        self._server: PostgresServer | None = None

    @classmethod
    @asynccontextmanager
    async def start(cls, data: Path) -> AsyncIterator["Postgres"]:
        """Start it; whatever serves the directory at the end is stopped."""
        postgres = cls(data)
        async with postgres._stack:
            await postgres.return_()
            yield postgres

    @property
    def server(self) -> PostgresServer:
        """The process that serves now, or served last."""
        assert self._server is not None
        return self._server

    async def shut_down_at_once(self) -> None:
        """An immediate shutdown: sessions are told at most that it ends, nothing is written any more."""
        os.kill(self.server.pid, signal.SIGQUIT)
        await self.server.wait()

    async def crash(self) -> None:
        """SIGKILL to every process of it."""
        postmaster = psutil.Process(self.server.pid)
        for process in (postmaster, *postmaster.children()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await self.server.wait()

    async def return_(self) -> None:
        """Serve the directory (again), crash recovery included."""
        port = 0 if self._server is None else self._server.port
        self._server = await self._stack.enter_async_context(PostgresServer.start(data=self._data, port=port))


def environ(database: Database, strategy: PushStrategy, port: int = 0) -> Mapping[str, str]:
    """The variables of a server of two workers, both of which have clients."""
    return {
        **database.environ(),
        "PORT": str(port),
        "PUSH_STRATEGY": strategy.value,
        "NUM_WORKERS": str(WORKERS),
        "WORKER_BALANCE": "even",
        "DB_POOL_SIZE": "8",
        "SHUTDOWN_GRACE": str(round(GRACE_S * 1000)),
    }


class Servers:
    """A server for each way to store a push, on one database, started when it is first asked for."""

    def __init__(self, database: Database, stack: AsyncExitStack, logs: Path) -> None:
        self._database = database
        self._stack = stack
        self._logs = logs
        self._running: dict[PushStrategy, QueenServer] = {}

    async def get(self, strategy: PushStrategy) -> QueenServer:
        """The one of that strategy, which all tests share."""
        if strategy not in self._running:
            log = self._logs / f"{strategy.value}.log"
            starting = QueenServer.start(environ(self._database, strategy), log=log)
            self._running[strategy] = await self._stack.enter_async_context(starting)
        return self._running[strategy]


def worker_pids(server: QueenServer) -> set[int]:
    """Process ids of a server's workers."""
    return {child.pid for child in psutil.Process(server.pid).children()}


def clients_by_worker(server: QueenServer) -> dict[int, int]:
    """Process id of each worker → connections that clients have to it."""
    port = urlsplit(server.url).port
    found: dict[int, int] = {}
    for pid in worker_pids(server):
        with suppress(psutil.NoSuchProcess):
            sockets = psutil.Process(pid).net_connections("tcp")
            found[pid] = sum(
                each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port for each in sockets
            )
    return found


async def workers_answering(server: QueenServer) -> int:
    """How many workers of an instance serve, asked over a connection that any of them may get."""
    try:
        answer = await Client.of(server.url).get("/metrics")
    except (OSError, EOFError):
        return 0
    answered: int = answer.json["workers"]["answered"] if answer.status == 200 else 0
    return answered


async def gauge(server: QueenServer, name: str, value: int) -> bool:
    """Whether a figure of /metrics, of all workers, has come to a value."""
    metrics = await figures.metrics(Client.of(server.url))
    return bool(metrics[name] == value)


async def backends(database: Database) -> list[int]:
    """Process ids of the PostgreSQL sessions that servers have on a database."""
    async with connected(database) as connection:
        return [row[0] for row in await connection.fetch(OURS, database.name)]


async def terminate(database: Database, pids: list[int]) -> None:
    """pg_terminate_backend of all of them."""
    async with connected(database) as connection:
        await connection.execute(TERMINATE, pids)
