"""/health, /livez and /metrics…: what an orchestrator and the guide's reader look at."""

import re

import pytest

from . import figures
from .client import Client, Queue, item
from .marks import FEW, covers, on
from .serving import POOL_SIZE

pytestmark = on(FEW)

PUSHED = "queen_pushed_messages_total"


@covers("GET /health")
async def test_a_healthy_server_is_ready_and_says_so(client: Client) -> None:
    answer = await client.get("/health")
    health = answer.json
    assert (answer.status, health["status"], health["database"]) == (200, "healthy", "connected")
    assert health["queen"] == {"worker_id": health["worker_id"], "status": "active"}
    assert {"server", "version"} <= health.keys()


@covers("GET /livez")
async def test_a_process_that_answers_is_alive(client: Client) -> None:
    answer = await client.get("/livez")
    assert (answer.status, answer.json) == (200, {"status": "alive"})


@pytest.mark.parametrize("path", ["/health", "/livez", "/metrics", "/metrics/pool", "/metrics/prometheus"])
@covers("GET /health", "GET /livez", "GET /metrics", "GET /metrics/pool", "GET /metrics/prometheus")
async def test_head_is_answered_like_get_without_the_body(client: Client, path: str) -> None:
    answer = await client.ask("HEAD", path)
    assert (answer.status, answer.raw) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@covers("GET /metrics")
async def test_metrics_count_requests_and_messages(client: Client, orders: Queue) -> None:
    before = await figures.metrics(client)
    await orders.push("a", "b")
    await client.ack(*map(item, await orders.pop(2)))
    after = await figures.metrics(client)
    assert after["requests"]["total"] - before["requests"]["total"] == 1
    assert after["messages"]["total"] - before["messages"]["total"] == 2
    assert after["popped"]["total"] - before["popped"]["total"] == 2
    assert after["acked"]["total"] - before["acked"]["total"] == 2
    assert after["uptime"] > before["uptime"] > 0
    assert {"rss", "heapTotal", "heapUsed", "external", "arrayBuffers"} <= after["memory"].keys()
    assert after["memory"]["rss"] > 2**20
    assert after["cpu"]["user"] > 0
    assert {"poolSize", "idleConnections", "waitingRequests"} <= after["database"].keys()
    assert after["connections"]["open"] >= 1
    assert after["connections"]["refused"] == 0


@covers("GET /metrics/pool")
async def test_the_pool_shows_the_guides_gauges_and_what_happened_between_two_looks(
    client: Client, orders: Queue
) -> None:
    before = await figures.pool(client)
    assert {"totalCount", "idleCount", "waitingCount"} <= before.keys()
    assert before["maxCount"] == POOL_SIZE
    await orders.push("a")
    after = await figures.pool(client)
    assert 1 <= after["totalCount"] <= POOL_SIZE
    assert after["idleCount"] <= after["totalCount"]
    assert after["acquires"] > before["acquires"]
    assert sum(after["holdHistogram"]["counts"]) == after["acquires"]


@covers("GET /metrics/pool")
async def test_calls_that_wait_to_share_one_are_told_beside_the_pool(client: Client, orders: Queue) -> None:
    await orders.push("a")
    await orders.pop()
    before = await figures.pool(client)
    await orders.pop()
    after = await figures.pool(client)
    boarding = after["boarding"]
    assert boarding["boarded"] > before["boarding"]["boarded"]
    assert sum(boarding["waitHistogram"]["counts"]) == boarding["boarded"]
    assert (boarding["waitingCount"], boarding["timeouts"]) == (0, 0)


@covers("GET /metrics/prometheus")
async def test_prometheus_gets_its_text_format(client: Client, orders: Queue) -> None:
    """Every sample belongs to a family that has a HELP and a TYPE before it, and is a number."""
    answer = await figures.prometheus(client)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.raw.decode().splitlines()
    families = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    assert families == {line.split()[2] for line in lines if line.startswith("# HELP ")}
    for line in lines:
        if not line.startswith("#"):
            name, value = re.split(r"[{ ]", line)[0], float(line.rpartition(" ")[2])
            assert re.sub("_(bucket|sum|count)$", "", name) in families or name in families, line
            assert value >= 0
    assert {"queen_uptime_seconds", "queen_process_resident_memory_bytes", "queen_db_pool_size"} <= families


@covers("GET /metrics/prometheus")
async def test_prometheus_counts_what_happens(client: Client, orders: Queue) -> None:
    async def pushed() -> float:
        """The sum over all samples of pushed messages."""
        lines = (await figures.prometheus(client)).raw.decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(PUSHED))

    before = await pushed()
    await orders.push("a", "b", "c")
    assert await pushed() - before == 3
