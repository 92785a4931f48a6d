"""The published clients, one server for them, and what they did on it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
import pytest_asyncio

from queen.settings import PushStrategy
from tests.clients.environments import NotInstalled, lock_of, python_with
from tests.clients.published import Plays, PublishedClient
from tests.conformance.client import Queue
from tests.conformance.serving import Configuration, Deployment, Deployments
from tests.conftest import EMBEDDED, Servers, skip_unless_ci
from tests.databases import connected

CONFIGURATION = Configuration(PushStrategy.COALESCE, workers=2, postgres=EMBEDDED)

Playing = Callable[[PublishedClient], Plays]
Stored = Callable[[Queue], Awaitable[list[tuple[str, str]]]]


@pytest.fixture(scope="session", params=["0.15.0", "2.6.0"])
def published(request: pytest.FixtureRequest) -> PublishedClient:
    version: str = request.param
    try:
        return PublishedClient(version, python_with(lock_of(version)))
    except NotInstalled as error:
        skip_unless_ci(f"queen-mq {version} could not be installed: {error}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployments(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployments]:
    async with Deployments.open(servers, tmp_path_factory.mktemp("servers")) as deployments:
        yield deployments


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployment(deployments: Deployments) -> AsyncIterator[Deployment]:
    """The server; nothing that a client does may be an error to it."""
    deployment = await deployments.get(CONFIGURATION)
    yield deployment
    log = deployment.server.child.spec.log.read_text(encoding="utf-8")
    assert [line for line in log.splitlines() if '"level":"error"' in line] == []


@pytest.fixture(scope="session")
def playing(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    """The plays of each client; tests of the versions take turns, and no script may run twice on a server."""
    logs = tmp_path_factory.mktemp("clients")
    with ExitStack() as stack:

        @cache
        def plays(published: PublishedClient) -> Plays:
            return stack.enter_context(published.at(deployment.url, logs / f"{published.version}.log"))

        yield plays


@pytest.fixture
def play(published: PublishedClient, playing: Playing) -> Plays:
    """What the client did on the server, by the script's subject and the play's name."""
    return playing(published)


@pytest.fixture
def stored(deployment: Deployment) -> Stored:
    """What the table holds of a queue: (partition, transactionId), by partition and position."""

    async def read(queue: Queue) -> list[tuple[str, str]]:
        async with connected(deployment.database) as connection:
            rows = await connection.fetch(
                """select p.name, m.transaction_id
                   from queen.messages m
                   join queen.partitions p on p.id = m.partition_id
                   join queen.queues q on q.id = p.queue_id
                   where q.name = $1
                   order by p.name, m.position""",
                queue.name,
            )
        return [(row["name"], row["transaction_id"]) for row in rows]

    return read
