"""The cluster of this room; a database of its own for each test, and a server where one is enough.

Everything here lives on the session's loop: a test restarts what a session fixture has started.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.conftest import fresh_database
from tests.local.support import directory_for_all

from .serving import Postgres, environ


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """A PostgreSQL whose end is part of a test, in place of the session's."""
    with directory_for_all() as place:
        async with Postgres.start(place / "data") as mortal:
            yield mortal


@pytest_asyncio.fixture(loop_scope="session")
async def database(postgres: Postgres) -> AsyncIterator[Database]:
    async with fresh_database(postgres.server) as fresh:
        yield fresh


@pytest.fixture
def strategy() -> PushStrategy:
    """How pushes are stored; a test that concerns them runs with others, too."""
    return PushStrategy.BATCH


@pytest_asyncio.fixture(loop_scope="session")
async def server(database: Database, strategy: PushStrategy, tmp_path: Path) -> AsyncIterator[QueenServer]:
    async with QueenServer.start(environ(database, strategy), log=tmp_path / "server.log") as running:
        yield running
