"""QUEEN_TOKEN: the clients' `bearer_token`."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.clients.conftest import CONFIGURATION
from tests.clients.published import Played, PublishedClient
from tests.conformance.serving import Deployments

TOKEN = "a token of this test"

Guarded = dict[str, Played]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guarded_url(deployments: Deployments) -> AsyncIterator[str]:
    async with deployments.start(CONFIGURATION, QUEEN_TOKEN=TOKEN) as deployment:
        yield deployment.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guarded(published: PublishedClient, guarded_url: str) -> Guarded:
    return await published.run("authentication", guarded_url, QUEEN_TOKEN=TOKEN)


def test_the_token_opens_the_server(guarded: Guarded) -> None:
    assert guarded["with_it"].report == {"acked": True}


@pytest.mark.parametrize("play", ["without_it", "with_another"])
def test_without_the_right_token_a_client_is_refused(guarded: Guarded, play: str) -> None:
    assert guarded[play].report["status"] == 401
    assert not guarded[play].report["text"].startswith("HTTP ")


def test_health_is_public(guarded: Guarded) -> None:
    assert guarded["health_without_it"].report["status"] == "healthy"
