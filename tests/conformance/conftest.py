"""A server for each configuration, a client of it, and a queue that no other test uses.

A test runs on `serving.PAIRS` unless it or its module is marked with `on(FEW)` or `on(ONE)`.
"""

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from tests.conftest import Servers

from .client import Client, Queue
from .serving import PAIRS, Configuration, Deployment, Deployments

_serial = count(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "covers(*routes): the routes whose promise a test checks")
    config.addinivalue_line("markers", "on(configurations): run on these instead of on PAIRS")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "configuration" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("on")
        chosen = PAIRS if mark is None else mark.args[0]
        metafunc.parametrize("configuration", chosen, indirect=True, ids=str, scope="session")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployments(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployments]:
    async with Deployments.open(servers, tmp_path_factory.mktemp("servers")) as deployments:
        yield deployments


@pytest.fixture(scope="session")
def configuration(request: pytest.FixtureRequest) -> Configuration:
    chosen: Configuration = request.param
    return chosen


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployment(deployments: Deployments, configuration: Configuration) -> Deployment:
    return await deployments.get(configuration)


@pytest.fixture
def client(deployment: Deployment) -> Client:
    return Client.of(deployment.url)


@pytest.fixture
def orders(client: Client) -> Queue:
    """A queue that no other test uses; it does not exist yet."""
    return Queue(client, f"orders-{next(_serial)}")
