"""QUEEN_TOKEN: the clients' `bearer_token`."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from queen.settings import PushStrategy
from tests.clients.published import Plays, PublishedClient
from tests.conformance.serving import Configuration, Deployments
from tests.conftest import EMBEDDED

CONFIGURATION = Configuration(PushStrategy.BATCH, workers=1, postgres=EMBEDDED)
TOKEN = "a token of this test"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded_url(deployments: Deployments) -> AsyncIterator[str]:
    async with deployments.start(CONFIGURATION, QUEEN_TOKEN=TOKEN) as deployment:
        yield deployment.url


@pytest.fixture(scope="module")
def guarded(
    published: PublishedClient, guarded_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plays]:
    log = tmp_path_factory.mktemp("clients") / f"{published.version}.log"
    with published.at(guarded_url, log, QUEEN_TOKEN=TOKEN) as plays:
        yield plays


def test_the_token_opens_the_server(guarded: Plays) -> None:
    assert guarded("authentication", "with_it").report == {"acked": True}


@pytest.mark.parametrize("play", ["without_it", "with_another"])
def test_without_the_right_token_a_client_is_refused_in_words(guarded: Plays, play: str) -> None:
    refused = guarded("authentication", play).report
    assert refused["status"] == 401
    assert "token" in refused["text"]


def test_health_is_public(guarded: Plays) -> None:
    assert guarded("authentication", "health_without_it").report["status"] == "healthy"
