"""The configurations that keep one contract, and a running server for each."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.conftest import EMBEDDED, INSTALLED, Servers, fresh_database

POOL_SIZE = 4  # connections, over all workers
WORKERS = (1,)

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
        """The server's variables for it."""
        return {
            "PORT": "0",
            "PUSH_STRATEGY": self.strategy.value,
            "NUM_WORKERS": str(self.workers),
            "DB_POOL_SIZE": str(POOL_SIZE),
        }


EVERY = [Configuration(*each) for each in product(PushStrategy, WORKERS, (INSTALLED, EMBEDDED))]
FEW = [  # for what takes its time, or has nothing to do with strategy, workers and version: the two ends
    Configuration(PushStrategy.SEQUENTIAL, min(WORKERS), INSTALLED),
    Configuration(list(PushStrategy)[-1], max(WORKERS), EMBEDDED),
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


class Deployments:
    """One server for each configuration, started when it is first asked for, until the session ends."""

    def __init__(self, servers: Servers, stack: AsyncExitStack, logs: Path) -> None:
        self._servers = servers
        self._stack = stack
        self._logs = logs
        self._running: dict[Configuration, Deployment] = {}

    async def get(self, configuration: Configuration) -> Deployment:
        """The server of that configuration, which all tests share."""
        if configuration not in self._running:
            starting = self.start(configuration)
            self._running[configuration] = await self._stack.enter_async_context(starting)
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
