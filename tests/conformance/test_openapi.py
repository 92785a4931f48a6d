"""GET /openapi.json: the server describes itself, and the description is true."""

import re

from .client import Client
from .marks import FEW, covers, on

pytestmark = [on(FEW), covers("GET /openapi.json")]

SCOPE = {
    "GET /health",
    "GET /livez",
    "GET /metrics",
    "GET /metrics/pool",
    "GET /metrics/prometheus",
    "POST /api/v1/configure",
    "POST /api/v1/push",
    "GET /api/v1/pop/queue/{}",
    "GET /api/v1/pop/queue/{}/partition/{}",
    "POST /api/v1/ack",
    "POST /api/v1/ack/batch",
    "POST /api/v1/transaction",
    "POST /api/v1/lease/{}/extend",
    "GET /api/v1/messages",
    "GET /api/v1/messages/{}/{}",
    "GET /api/v1/dlq",
    "GET /api/v1/resources/queues",
    "GET /api/v1/resources/queues/{}",
    "DELETE /api/v1/resources/queues/{}",
    "GET /api/v1/resources/queues/{}/depth",
    "GET /api/v1/status",
    "GET /api/v1/status/queues",
    "GET /api/v1/consumer-groups",
    "GET /api/v1/consumer-groups/{}",
    "DELETE /api/v1/consumer-groups/{}",
    "DELETE /api/v1/consumer-groups/{}/queues/{}",
    "POST /api/v1/consumer-groups/{}/queues/{}/seek",
    "POST /api/v1/consumer-groups/{}/queues/{}/partitions/{}/seek",
    "GET /openapi.json",
}


async def test_the_document_has_every_endpoint_of_the_contract_and_no_other(client: Client) -> None:
    document = (await client.get("/openapi.json")).json
    described = {
        f"{method.upper()} {re.sub('{[^}]*}', '{}', path)}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert described == SCOPE


async def test_every_route_that_is_described_is_there(client: Client) -> None:
    """No described route is answered by 404 for the route or by 405."""
    document = (await client.get("/openapi.json")).json
    for path, operations in document["paths"].items():
        for method in operations:
            answer = await client.ask(method.upper(), path, headers={"Expect-Nothing": "1"})
            assert answer.status != 405, (method, path)
            assert answer.status != 404 or answer.error != "no such route", (method, path)


async def test_the_document_is_openapi_and_names_what_every_operation_takes_and_answers(
    client: Client,
) -> None:
    document = (await client.get("/openapi.json")).json
    assert document["openapi"].startswith("3.")
    assert document["info"]["version"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["responses"]
            named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert named == set(re.findall(r"{([^}]*)}", path)), path
            for parameter in operation.get("parameters", []):
                assert parameter["schema"], (path, parameter)
