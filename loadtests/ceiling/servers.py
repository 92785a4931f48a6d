"""The servers of a run: each a `queen serve` on a database of its own, all up from beginning to end."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.ceiling import statements
from loadtests.sweep.databases import TrialDatabases, connect
from loadtests.sweep.naming import database_name
from loadtests.sweep.processes import TreeMeter
from queen.local.database import Database
from queen.local.open_database import Connection, close
from queen.local.server import QueenServer
from queen.settings import SECRETS, Settings, load

STATEMENT_PARTITIONS = 10_000

# What a cell decides, or what would make a window depend on the windows before it.
DECIDED = (
    "HOST",
    "PORT",
    "NUM_WORKERS",
    "WORKER_BALANCE",
    "PUSH_STRATEGY",
    "DB_POOL_SIZE",
    "LOG_LEVEL",
    *SECRETS,
)


@dataclass(frozen=True, order=True)
class ServerConfig:
    """One configuration. `role` tells servers apart that differ in nothing else: they share no table."""

    strategy: str = "coalesce"
    workers: int = 2
    pool: int = 20
    role: str = "write"
    balance: str = "auto"

    @property
    def label(self) -> str:
        """`coalesce-w2-p20`, with the role and the balance unless they are the usual ones."""
        role = "" if self.role == "write" else f"-{self.role}"
        balance = "" if self.balance == "auto" else f"-{self.balance}"
        return f"{self.strategy}-w{self.workers}-p{self.pool}{role}{balance}"


@dataclass(frozen=True)
class RunningServer:
    """A server that answers. `control` is one connection to its database, not the server's."""

    config: ServerConfig
    url: str
    database: Database
    control: Connection
    meter: TreeMeter
    pid: int  # of `queen serve`: the worker itself, or the parent of all workers

    async def empty(self) -> None:
        """Begin with empty tables, unless they are there to be read."""
        if self.config.role == "write":
            await self.control.execute(statements.EMPTY)

    async def stored(self, queue: str) -> int:
        """Messages that were ever stored in a queue."""
        return int(await self.control.fetchval(statements.HEADS, queue))

    async def consumed(self, queue: str) -> int:
        """Messages that the groups of a queue have ever committed."""
        return int(await self.control.fetchval(statements.CONSUMED, queue))

    def busy_s(self) -> float:
        """CPU seconds of its processes so far."""
        usage = self.meter.read()
        return usage.cpu_s if usage else 0.0

    async def partitions(self, queue: str, count: int) -> list[int]:
        """The ids of the partitions p0, p1, … of a queue, made when they are missing."""
        names = [f"p{number}" for number in range(count)]
        rows = await self.control.fetch(statements.PARTITIONS, [queue] * count, names)
        return [row["partition_id"] for row in sorted(rows, key=lambda row: names.index(row["partition"]))]

    async def make_partitions(self, queues: list[str], names: list[str]) -> None:
        """Make the partitions `names[i]` of `queues[i]`, with a statement for every ten thousand."""
        for first in range(0, len(names), STATEMENT_PARTITIONS):
            some = slice(first, first + STATEMENT_PARTITIONS)
            await self.control.fetch(statements.PARTITIONS, queues[some], names[some])


def server_settings(config: ServerConfig, database: Database, environ: Mapping[str, str]) -> Settings:
    """The whole configuration: the user's variables, but for what a cell decides. Raises `SettingsError`.

    Connections are never closed for idleness: a window must not pay for the pause before it.
    """
    kept = {name: value for name, value in environ.items() if name not in DECIDED}
    return load(
        {
            "DB_IDLE_TIMEOUT": "0",
            **kept,
            **database.environ(),
            "PORT": "0",
            "LOG_LEVEL": "warn",
            "NUM_WORKERS": str(config.workers),
            "WORKER_BALANCE": config.balance,
            "PUSH_STRATEGY": config.strategy,
            "DB_POOL_SIZE": str(config.pool),
        }
    )


@asynccontextmanager
async def running(
    config: ServerConfig,
    databases: TrialDatabases,
    *,
    run: str,
    number: int,
    environ: Mapping[str, str],
    logs: Path,
) -> AsyncIterator[RunningServer]:
    """Start a server on a fresh database. Raises `UserError` (`ChildFailed` among them)."""
    async with databases.fresh(database_name(run, number)) as database:
        settings = server_settings(config, database, environ)
        log = logs / f"{config.label}.log"
        async with QueenServer.start(settings, log=log) as server:
            control = await connect(database)
            try:
                yield RunningServer(config, server.url, database, control, TreeMeter(server.pid), server.pid)
            finally:
                await close(control)
