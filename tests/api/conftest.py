"""`queen serve` as a process on a fresh database, and a small client that says what it got."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from queen.local.postgres import PostgresServer
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.conftest import fresh_database

_serial = count(1)


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.raw)


@dataclass(frozen=True)
class Client:
    """HTTP against one server."""

    url: str

    async def get(self, path: str) -> Answer:
        return await asyncio.to_thread(self._ask, "GET", path, None)

    async def head(self, path: str) -> Answer:
        return await asyncio.to_thread(self._ask, "HEAD", path, None)

    async def post(self, path: str, body: object) -> Answer:
        """A body of bytes goes as it is, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await asyncio.to_thread(self._ask, "POST", path, content)

    def _ask(self, method: str, path: str, content: bytes | None) -> Answer:
        request = urllib.request.Request(self.url + path, data=content, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())


@pytest.fixture(scope="session", params=list(PushStrategy), ids=lambda kind: kind.value)
def strategy(request: pytest.FixtureRequest) -> PushStrategy:
    chosen: PushStrategy = request.param
    return chosen


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(
    postgres: PostgresServer, strategy: PushStrategy, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client]:
    """One server for each strategy; tests keep apart by the names of their queues."""
    async with fresh_database(postgres) as database:
        environ = {**database.environ(), "PORT": "0", "PUSH_STRATEGY": strategy.value, "DB_POOL_SIZE": "4"}
        log = tmp_path_factory.mktemp("server") / "server.log"
        async with QueenServer.start(environ, log=log) as server:
            yield Client(server.url)


@pytest.fixture
def orders() -> str:
    """The name of a queue that no other test uses."""
    return f"orders-{next(_serial)}"
