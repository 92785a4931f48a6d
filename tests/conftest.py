"""Real PostgreSQL for every room's tests.

| fixture | scope | what |
|---|---|---|
| `postgres` | session | the server that `queen serve` would bring along: 18, embedded; but without fsync |
| `database` | test | a fresh, empty database on `postgres`, dropped afterwards |
| `each_postgres` | session | the test runs twice: on 15 and on 18 |
| `each_database` | test | the same with a fresh, empty database |
| `postgres_version` | session | 15 or 18; what `each_…` follow: `parametrize` it indirectly to pick one |

Where PostgreSQL 15 is not installed its tests are skipped with the reason; in CI (CI=true) they fail.
"""

import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import pytest
import pytest_asyncio
from hypothesis import settings

from queen.local.database import Database
from queen.local.postgres import PostgresServer
from queen.local.postgres_binaries import installed_bindirs
from tests import started
from tests.databases import connected
from tests.distribution import RoomScheduling, in_order
from tests.parsing import parse_without_collections

EMBEDDED, INSTALLED = 18, 15
WITHOUT_FSYNC = {"fsync": "off"}  # a database dropped is a checkpoint; no test turns the machine off
_serial = count(1)

# One slow example on a busy machine is no failure; the time limit of a whole test is pytest-timeout's.
settings.register_profile("unhurried", parent=settings(), deadline=None)
settings.load_profile("unhurried")
parse_without_collections()

SESSION = started.mark()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without garbage collections: hardly anything of it is garbage, and two fifths of the time went to them.

    What there is then stays to the end, so that no collection ever looks through it.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)  # pytest itself groups by the parameters of fixtures
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first (`tests/distribution.py`)."""
    items[:] = in_order(items)


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> RoomScheduling:
    """Modules and rooms stay together (`tests/distribution.py`)."""
    return RoomScheduling(config, log)


def skip_unless_ci(reason: str) -> NoReturn:
    """Skip the test with a reason; where everything must run, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"in CI nothing is skipped: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def _all_that_was_started_has_ended() -> Iterator[None]:
    """The first fixture of a session, so that it looks when all others are closed."""
    yield
    still = started.left(SESSION)
    for each in still:
        each.kill()
    assert not still, "still there:\n" + "\n".join(map(str, still))


class Servers:
    """One server per major version, started when it is first asked for."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._running: dict[int, PostgresServer] = {}

    async def get(self, major: int) -> PostgresServer:
        """The server of that version; skips the test when it is not installed."""
        if major not in self._running:
            starting = PostgresServer.start(settings=WITHOUT_FSYNC, environ=environ_for(major))
            self._running[major] = await self._stack.enter_async_context(starting)
        return self._running[major]


def environ_for(major: int) -> dict[str, str]:
    """The environment that makes the launcher choose that version."""
    if major == EMBEDDED:
        return {}
    for bindir in installed_bindirs(os.environ):
        if bindir == Path(f"/usr/lib/postgresql/{major}/bin") or bindir.parent.name.endswith(f"@{major}"):
            return {"QUEEN_PG_BIN": str(bindir)}
    skip_unless_ci(f"PostgreSQL {major} is not installed (apt-get install postgresql-{major})")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers() -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        yield Servers(stack)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(servers: Servers) -> PostgresServer:
    return await servers.get(EMBEDDED)


@pytest.fixture(scope="session", params=[INSTALLED, EMBEDDED], ids=lambda major: f"pg{major}")
def postgres_version(request: pytest.FixtureRequest) -> int:
    version: int = request.param
    return version


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def each_postgres(servers: Servers, postgres_version: int) -> PostgresServer:
    return await servers.get(postgres_version)


TemplateOf = Callable[[PostgresServer], Awaitable[str]]


async def empty(_server: PostgresServer) -> str:
    """The database that empty ones are copies of."""
    return "template1"


@pytest.fixture
def template_of() -> TemplateOf:
    """What the databases of tests are copies of; a room or a module may say something else."""
    return empty


@pytest_asyncio.fixture
async def database(postgres: PostgresServer, template_of: TemplateOf) -> AsyncIterator[Database]:
    async with fresh_database(postgres, like=await template_of(postgres)) as fresh:
        yield fresh


@pytest_asyncio.fixture
async def each_database(each_postgres: PostgresServer, template_of: TemplateOf) -> AsyncIterator[Database]:
    async with fresh_database(each_postgres, like=await template_of(each_postgres)) as fresh:
        yield fresh


@asynccontextmanager
async def fresh_database(server: PostgresServer, like: str = "template1") -> AsyncIterator[Database]:
    """CREATE DATABASE, a copy of `like`, and DROP it afterwards whoever is still connected.

    Without fsync the checkpoints of a copy by files cost less than the WAL of one by blocks, of which DROP
    has to look for every buffer.
    """
    name = f"test_{os.getpid()}_{next(_serial)}"
    await _administer(server, f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
    try:
        yield Database(host=server.host, port=server.port, user=server.user, name=name)
    finally:
        await _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(server: PostgresServer, statement: str) -> None:
    async with connected(server.address()) as connection:
        await connection.execute(statement)
