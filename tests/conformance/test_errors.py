"""What is not here, not allowed or not understood: JSON that says so, and the right status."""

import pytest

from .client import Client, Queue, ids
from .http_client import Session
from .marks import FEW, covers, on

pytestmark = on(FEW)

PARTITION = "0190a000-0000-7000-8000-000000000001"

OUT_OF_SCOPE = [
    ("GET", "/"),
    ("GET", "/api/v1/pop"),
    ("GET", "/api/v1/pop?namespace=n&task=t"),
    ("POST", "/api/v1/traces"),
    ("GET", f"/api/v1/traces/{PARTITION}/t"),
    ("GET", "/api/v1/traces/by-name/n"),
    ("GET", "/api/v1/traces/names"),
    ("GET", "/api/v1/system/maintenance"),
    ("POST", "/api/v1/system/maintenance"),
    ("GET", "/api/v1/system/maintenance/pop"),
    ("POST", "/api/v1/system/maintenance/pop"),
    ("GET", "/api/v1/system/shared-state"),
    ("GET", "/api/v1/status/analytics"),
    ("GET", "/api/v1/status/buffers"),
    ("GET", "/api/v1/analytics/system-metrics"),
    ("GET", "/api/v1/analytics/worker-metrics"),
    ("GET", "/api/v1/analytics/queue-lag"),
    ("GET", "/api/v1/analytics/queue-ops"),
    ("GET", "/api/v1/analytics/queue-parked-replicas"),
    ("GET", "/api/v1/analytics/retention"),
    ("GET", "/api/v1/analytics/postgres-stats"),
    ("POST", "/api/v1/stats/refresh"),
    ("GET", "/api/v1/resources/namespaces"),
    ("GET", "/api/v1/resources/tasks"),
    ("GET", "/api/v1/resources/overview"),
    ("GET", "/api/v1/resources/partitions"),
    ("DELETE", "/api/v1/queues/q/clear"),
    ("POST", f"/api/v1/messages/{PARTITION}/t/retry"),
    ("POST", f"/api/v1/messages/{PARTITION}/t/dlq"),
    ("POST", "/api/v1/consumer-groups/g/subscription"),
    ("POST", "/api/v1/kv"),
    ("POST", "/api/v1/locks"),
    ("POST", "/api/v1/timers"),
    ("POST", "/api/v1/ephemeral/push"),
    ("GET", "/api/v1/fetch"),
    ("GET", "/api/v1/partitions/changed"),
    ("POST", "/api/v1/streams/v1/queries"),
    ("GET", "/api/v1/nothing"),
    ("GET", "/api/v1/push/"),
    ("GET", "/api/v1//push"),
    ("GET", "/API/V1/push"),
    ("GET", "/api/v1/../v1/push"),
    ("GET", "/../../etc/passwd"),
    ("GET", "/%2e%2e/%2e%2e/etc/passwd"),
]


@pytest.mark.parametrize(("method", "path"), OUT_OF_SCOPE, ids=lambda value: value)
async def test_what_is_out_of_scope_is_404_in_json(client: Client, method: str, path: str) -> None:
    answer = await client.ask(method, path)
    assert answer.status == 404
    assert answer.error
    assert answer.json["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/v1/push", "OPTIONS, POST"),
        ("PUT", "/api/v1/push", "OPTIONS, POST"),
        ("DELETE", "/api/v1/configure", "OPTIONS, POST"),
        ("POST", "/api/v1/pop/queue/q", "GET, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("BREW", "/metrics", "GET, HEAD, OPTIONS"),
    ],
)
@covers(
    "POST /api/v1/push",
    "POST /api/v1/configure",
    "GET /api/v1/pop/queue/{queue}",
    "GET /health",
    "GET /metrics",
)
async def test_a_method_that_a_path_does_not_have_is_405_with_allow(
    client: Client, method: str, path: str, allow: str
) -> None:
    answer = await client.ask(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert answer.json["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/api/v1/push", "/api/v1/pop/queue/q", "/api/v1/nothing"])
async def test_a_preflight_is_answered_everywhere(client: Client, path: str) -> None:
    answer = await client.ask("OPTIONS", path, headers={"Origin": "http://elsewhere.example"})
    assert (answer.status, answer.raw) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "Authorization" in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize("path", ["/health", "/api/v1/nothing"])
async def test_every_answer_may_be_read_by_a_page_from_elsewhere(client: Client, path: str) -> None:
    assert (await client.get(path)).headers["access-control-allow-origin"] == "*"


@covers("POST /api/v1/push")
async def test_a_body_in_gzip_is_415(client: Client) -> None:
    answer = await client.ask("POST", "/api/v1/push", b"\x1f\x8b", {"Content-Encoding": "gzip"})
    assert answer.status == 415
    assert answer.error


@covers("POST /api/v1/push")
async def test_a_body_is_json_whatever_its_type_says(client: Client, orders: Queue) -> None:
    body = b'{"items": [{"queue": "%s"}]}' % orders.name.encode()
    answer = await client.ask("POST", "/api/v1/push", body, {"Content-Type": "text/plain"})
    assert answer.status == 201


@covers("POST /api/v1/push")
async def test_an_error_does_not_cost_the_connection(client: Client, orders: Queue) -> None:
    """A request that is refused leaves its connection to the next one."""
    async with Session.open(client.url) as session:
        for _ in range(2):
            assert (await session.ask("POST", "/api/v1/push", b"{")).status == 400
            assert (await session.ask("GET", "/api/v1/nothing")).status == 404
            assert (await session.ask("GET", "/api/v1/push")).status == 405
        assert (await session.ask("POST", "/api/v1/push", {"items": [orders.message("t")]})).status == 201
    assert ids(await orders.pop()) == ["t"]
