"""docs/contract.md is what the server and the tests say."""

from .client import Client
from .document import PLACE, current, endpoints
from .marks import ONE, on
from .promises import promises

pytestmark = on(ONE)


async def test_the_document_is_current(client: Client) -> None:
    assert PLACE.read_text(encoding="utf-8") == await current(client), (
        "write it anew: python -m tests.conformance.document"
    )


async def test_every_route_has_a_test_and_every_test_a_route_that_exists(client: Client) -> None:
    routes = {endpoint.route for endpoint in endpoints((await client.get("/openapi.json")).json)}
    covered = frozenset().union(*(promise.routes for promise in promises()))
    assert routes - covered == set(), "routes without a test"
    assert covered - routes == set(), "tests of routes that do not exist"


def test_no_two_promises_are_called_the_same() -> None:
    """A name stands once in a module, or the first of two tests would never run."""
    seen = [(promise.module, promise.text) for promise in promises()]
    assert len(set(seen)) == len(seen)
