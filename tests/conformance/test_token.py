"""QUEEN_TOKEN: every route but /health and /livez wants it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .client import Client, Queue
from .http_client import Answer
from .marks import ONE, covers, on
from .serving import Configuration, Deployment, Deployments

pytestmark = on(ONE)  # the token is looked at before anything else: nothing else makes a difference

TOKEN = "s3cret-\N{PILE OF POO}"
PUBLIC = {"/health", "/livez"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployment(deployments: Deployments, configuration: Configuration) -> AsyncIterator[Deployment]:
    """A server with a token."""
    async with deployments.start(configuration, QUEEN_TOKEN=TOKEN) as guarded:
        yield guarded


def bearing(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


@pytest.fixture
def client(deployment: Deployment) -> Client:
    """A client that knows the token."""
    return Client.of(deployment.url, bearing(TOKEN))


async def ask_each_route(client: Client, headers: dict[str, str]) -> dict[str, Answer]:
    """Ask for every route that the server describes."""
    paths = (await client.get("/openapi.json")).json["paths"]
    return {
        f"{method.upper()} {path}": await Client.of(client.url).ask(method.upper(), path, headers=headers)
        for path, operations in paths.items()
        for method in operations
    }


WRONG = {
    "none": {},
    "empty": bearing(""),
    "wrong": bearing("wrong"),
    "too short": bearing(TOKEN[:-1]),
    "too long": bearing(TOKEN + "x"),
    "in capitals": bearing(TOKEN.upper()),
    "huge": bearing("x" * 8000),
    "another scheme": bearing(TOKEN, "Basic"),
    "no scheme": bearing(TOKEN, ""),
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
async def test_without_the_token_every_route_but_the_probes_is_401(
    client: Client, headers: dict[str, str]
) -> None:
    for route, answer in (await ask_each_route(client, headers)).items():
        if route.split()[1] in PUBLIC:
            assert answer.status == 200, route
        else:
            assert answer.status == 401, route
            assert answer.error, route
            assert answer.headers["www-authenticate"].startswith("Bearer"), route


async def test_with_the_token_no_route_is_401(client: Client) -> None:
    for route, answer in (await ask_each_route(client, bearing(TOKEN))).items():
        assert answer.status != 401, route


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_has_no_case(client: Client, scheme: str) -> None:
    answer = await Client.of(client.url).ask("GET", "/metrics", headers=bearing(TOKEN, scheme))
    assert answer.status == 200


async def test_a_route_that_does_not_exist_is_no_way_around(client: Client) -> None:
    for path in ("/api/v1/nothing", "/health/", "//health", "/health%2f", "/metrics/../health"):
        assert (await Client.of(client.url).get(path)).status == 401, path


@covers("POST /api/v1/push", "GET /api/v1/pop/queue/{queue}")
async def test_who_has_the_token_can_work(client: Client, orders: Queue) -> None:
    await orders.push("a")
    assert len(await orders.pop()) == 1


async def test_a_preflight_carries_no_token(client: Client) -> None:
    """A browser asks with OPTIONS before it sends the token."""
    answer = await Client.of(client.url).ask("OPTIONS", "/api/v1/push")
    assert answer.status == 204


async def test_the_token_is_never_logged(client: Client, deployment: Deployment) -> None:
    await client.get("/metrics")
    await Client.of(client.url, bearing("a-wrong-one")).get("/metrics")
    log = deployment.server.child.spec.log.read_text()
    assert TOKEN not in log
    assert "a-wrong-one" not in log
