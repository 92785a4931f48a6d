"""The server is what its OpenAPI document says.

schemathesis makes requests from the document and holds every answer against it: its status, its content
type, its schema, and that nothing is answered 500.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conformance.serving import ONE, Deployments
from tests.conftest import Servers

EXAMPLES = 15  # of each operation
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def url(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    deployments = Deployments(servers, tmp_path_factory.mktemp("servers"))
    async with deployments.start(*ONE, DEFAULT_TIMEOUT="50") as running:
        yield running.url


@pytest.mark.timeout(180)  # about 15 s on two idle cores
def test_every_answer_is_as_described(url: str) -> None:
    document: Any = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 10
    for operation in operations:
        check(operation)


def check(operation: Any) -> None:
    """Requests from the description of one operation, and their answers against it."""

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def every_answer_is_as_described(case: Any) -> None:
        if "timeout" in (case.query or {}):
            case.query["timeout"] = 20  # a long poll may wait for a day
        case.call_and_validate(checks=CHECKS)

    every_answer_is_as_described()
