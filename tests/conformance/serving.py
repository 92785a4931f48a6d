"""The configurations that keep one contract, and a running server for each."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy, WorkerBalance
from tests.conftest import EMBEDDED, INSTALLED, Servers, fresh_database
from tests.databases import connected

POOL_SIZE = 4  # connections, over all workers
PATIENCE_MS = 20_000  # for a connection: how busy this machine is must not be an answer
WORKERS = (1, 2)

STORED = """
    select m.transaction_id from queen.messages m join queen.queues q on q.id = m.queue_id
    where q.name = $1
"""

_serial = count(1)


@dataclass(frozen=True)
class Configuration:
    """What a client must not notice."""

    strategy: PushStrategy
    workers: int
    postgres: int  # major version

    def __str__(self) -> str:
        return f"{self.strategy.value}-{self.workers}w-pg{self.postgres}"

    def environ(self) -> Mapping[str, str]:
        """The server's variables for it: of two workers, both have clients."""
        return {
            "PORT": "0",
            "PUSH_STRATEGY": self.strategy.value,
            "NUM_WORKERS": str(self.workers),
            "WORKER_BALANCE": WorkerBalance.EVEN.value,
            "DB_POOL_SIZE": str(POOL_SIZE),
            "DB_CONNECTION_TIMEOUT": str(PATIENCE_MS),
        }


# Every pair of a strategy, a number of workers and a version; not all three together, which would take twice
# as long.
PAIRS = [
    Configuration(strategy, workers, postgres)
    for strategy, workers, postgres in product(PushStrategy, WORKERS, (INSTALLED, EMBEDDED))
    if ((workers == WORKERS[0]) == (postgres == INSTALLED)) != (strategy is PushStrategy.BATCH)
]
FEW = [  # for what takes its time, or has nothing to do with any of them: the two ends
    Configuration(PushStrategy.SEQUENTIAL, WORKERS[0], INSTALLED),
    Configuration(PushStrategy.COALESCE, WORKERS[-1], EMBEDDED),
]
ONE = FEW[1:]


@dataclass(frozen=True)
class Deployment:
    """A running server and its database."""

    configuration: Configuration
    database: Database
    server: QueenServer

    @property
    def url(self) -> str:
        return self.server.url

    async def stored(self, queue: str) -> list[str]:
        """The transactionIds in the table for a queue, sorted; as people may look them up by hand."""
        async with connected(self.database) as connection:
            rows = await connection.fetch(STORED, queue)
        return sorted(row["transaction_id"] for row in rows)


class Deployments:
    """One server for each configuration, started when it is first asked for, until the session ends."""

    def __init__(self, servers: Servers, logs: Path) -> None:
        self._servers = servers
        self._logs = logs
        self._running: dict[Configuration, Deployment] = {}
        self._closing: list[AsyncExitStack] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, servers: Servers, logs: Path) -> AsyncIterator["Deployments"]:
        """No server yet; those that run at the end are stopped together: each takes its time to drain."""
        deployments = cls(servers, logs)
        try:
            yield deployments
        finally:
            async with asyncio.TaskGroup() as tasks:
                for stack in deployments._closing:
                    tasks.create_task(stack.aclose())

    async def get(self, configuration: Configuration) -> Deployment:
        """The server of that configuration, which all tests share."""
        if configuration not in self._running:
            stack = AsyncExitStack()
            self._running[configuration] = await stack.enter_async_context(self.start(configuration))
            self._closing.append(stack)
        return self._running[configuration]

    @asynccontextmanager
    async def start(self, configuration: Configuration, **environ: str) -> AsyncIterator[Deployment]:
        """A server of one's own, with more or other variables, on a fresh database."""
        postgres = await self._servers.get(configuration.postgres)
        async with fresh_database(postgres) as database:
            variables = {**database.environ(), **configuration.environ(), **environ}
            log = self._logs / f"{configuration}-{next(_serial)}.log"
            async with QueenServer.start(variables, log=log) as server:
                yield Deployment(configuration, database, server)
