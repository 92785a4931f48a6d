"""The cluster and the database of this room, and a server on it for each way to store a push.

They outlive the faults: that a server goes on is what most tests check. What a test ends for good it starts
itself. Everything lives on the session's loop, since a test restarts what a session fixture has started.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count

import pytest
import pytest_asyncio

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.conftest import fresh_database
from tests.local.support import directory_for_all

from .serving import Postgres, Servers

_serial = count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """A PostgreSQL whose end is part of a test, in place of the session's."""
    with directory_for_all() as place:
        async with Postgres.start(place / "data") as mortal:
            yield mortal


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(postgres: Postgres) -> AsyncIterator[Database]:
    async with fresh_database(postgres.server) as fresh:
        yield fresh


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        yield Servers(database, stack, tmp_path_factory.mktemp("servers"))


@pytest.fixture
def strategy() -> PushStrategy:
    """How pushes are stored; a test that concerns them runs with others, too."""
    return PushStrategy.BATCH


@pytest_asyncio.fixture(loop_scope="session")
async def server(servers: Servers, strategy: PushStrategy) -> QueenServer:
    return await servers.get(strategy)


@pytest.fixture
def queue() -> str:
    """The name of a queue that no other test uses."""
    return f"orders-{next(_serial)}"
