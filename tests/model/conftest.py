"""A running server for each push strategy, with a database of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from queen.settings import PushStrategy
from tests.conformance.serving import WORKERS, Configuration, Deployment, Deployments
from tests.conftest import EMBEDDED, Servers
from tests.databases import connect

from .example import World


@pytest_asyncio.fixture(
    scope="session", loop_scope="session", params=PushStrategy, ids=lambda each: each.value
)
async def deployment(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Deployment]:
    configuration = Configuration(request.param, max(WORKERS), EMBEDDED)
    async with Deployments(servers, tmp_path_factory.mktemp("servers")).start(configuration) as running:
        yield running


@pytest.fixture
def world(deployment: Deployment) -> Iterator[World]:
    """The server, and a connection to its database, for a test that is no coroutine."""
    with asyncio.Runner() as runner:
        connection = runner.run(connect(deployment.database))
        yield World(deployment.url, runner, connection)
        runner.run(connection.close())
