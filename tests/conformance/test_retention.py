"""Old messages go: retention, retention of what is completed, and eviction of what waits too long."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.waiting import until

from .client import Client, Queue, ids, item
from .marks import ONE, covers, on
from .serving import Configuration, Deployment, Deployments

# On one configuration: each of these waits for a second to pass, and nothing of it is in the strategies.
# tests/postgres/test_retention.py has the rules themselves, on both versions.
pytestmark = [on(ONE), covers("POST /api/v1/configure")]

SWEEP = {"RETENTION_INTERVAL": "50", "EVICTION_INTERVAL": "50"}  # ms


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployment(deployments: Deployments, configuration: Configuration) -> AsyncIterator[Deployment]:
    """A server that sweeps often."""
    async with deployments.start(configuration, **SWEEP) as sweeping:
        yield sweeping


async def emptied(deployment: Deployment, queue: Queue) -> None:
    """Wait until nothing is stored for the queue."""

    async def is_empty() -> bool:
        return not await deployment.stored(queue.name)

    await until(is_empty)


@pytest.fixture
def clock(client: Client, orders: Queue) -> Queue:
    """A queue whose messages go after one second: when it is empty, everything older was looked at, too."""
    return Queue(client, orders.name + "-clock")


async def a_second(deployment: Deployment, clock: Queue) -> None:
    """Wait for a second to pass, and for the sweeps after it."""
    await clock.configure(retentionEnabled=True, retentionSeconds=1)
    await clock.push("tick")
    await emptied(deployment, clock)


async def test_what_is_older_goes_consumed_or_not(deployment: Deployment, orders: Queue) -> None:
    await orders.configure(retentionEnabled=True, retentionSeconds=1)
    await orders.push("a", "b")
    await orders.pop(autoAck="true")
    await emptied(deployment, orders)
    assert await orders.pop() == []
    assert await orders.pop(consumerGroup="g") == []
    [again] = await orders.push("a")
    assert again.status == "queued", "its transactionId is free again"


async def test_nothing_goes_unless_retention_is_enabled(
    deployment: Deployment, orders: Queue, clock: Queue
) -> None:
    await orders.configure(retentionSeconds=1, completedRetentionSeconds=1)
    await orders.push("a")
    await orders.pop(autoAck="true")
    await a_second(deployment, clock)
    assert await deployment.stored(orders.name) == ["a"]


async def test_what_is_completed_goes_when_every_group_has_passed_it(
    client: Client, deployment: Deployment, orders: Queue, clock: Queue
) -> None:
    await orders.configure(retentionEnabled=True, completedRetentionSeconds=1)
    await orders.push("a", "b")
    await orders.pop(2, consumerGroup="g", autoAck="true")
    [a] = await orders.pop(consumerGroup="h")
    await a_second(deployment, clock)
    assert await deployment.stored(orders.name) == ["a", "b"]
    await client.ack(item(a), group="h")

    async def a_is_gone() -> bool:
        return await deployment.stored(orders.name) == ["b"]

    await until(a_is_gone)
    assert ids(await orders.pop(9, consumerGroup="h")) == ["b"]


async def test_what_waits_too_long_is_evicted(deployment: Deployment, orders: Queue) -> None:
    """MaxWaitTimeSeconds: a message that a group has not consumed by then is deleted."""
    await orders.configure(maxWaitTimeSeconds=1)
    await orders.push("a")
    await orders.pop(consumerGroup="g", autoAck="true")
    await orders.pop(consumerGroup="h")
    await emptied(deployment, orders)
    await orders.push("b")
    for group in ("g", "new"):
        assert ids(await orders.pop(9, consumerGroup=group)) == ["b"]


async def test_what_was_consumed_in_time_is_not_evicted(
    deployment: Deployment, orders: Queue, clock: Queue
) -> None:
    await orders.configure(maxWaitTimeSeconds=1)
    await orders.push("a")
    await orders.pop(autoAck="true")
    await a_second(deployment, clock)
    assert await deployment.stored(orders.name) == ["a"]


@covers("GET /api/v1/dlq")
async def test_a_dead_letter_outlives_its_message(
    client: Client, deployment: Deployment, orders: Queue
) -> None:
    """It is a copy (upstream's goes with the message)."""
    await orders.configure(retentionEnabled=True, retentionSeconds=1)
    await client.push(orders.message("a", payload={"n": 1}))
    [a] = await orders.pop()
    await client.ack(item(a, "dlq", error="why"))
    await emptied(deployment, orders)
    [letter] = (await client.get(f"/api/v1/dlq?queue={orders.path}")).json["messages"]
    assert (letter["transactionId"], letter["data"], letter["errorMessage"]) == ("a", {"n": 1}, "why")


async def test_positions_go_on_after_everything_is_gone(
    client: Client, deployment: Deployment, orders: Queue
) -> None:
    await orders.configure(retentionEnabled=True, retentionSeconds=1)
    await orders.push("a", "b")
    [a] = await orders.pop()
    await client.ack(item(a))
    await emptied(deployment, orders)
    await orders.push("c")
    assert ids(await orders.pop(9)) == ["c"]
    assert ids(await orders.pop(9, consumerGroup="g")) == ["c"]
