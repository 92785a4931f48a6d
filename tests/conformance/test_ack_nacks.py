"""`failed` and `retry` give back, too many attempts and `dlq` bury: rules 5 and 6 of docs/ack.md."""

import pytest

from .client import DONE, NOBODY, Client, Queue, ids, item, outcomes
from .marks import covers

ACK = "POST /api/v1/ack"
SUPERSEDED = "superseded by an earlier failed or retry in this request"

pytestmark = covers("POST /api/v1/ack/batch")


@pytest.mark.parametrize("status", ["failed", "retry"])
async def test_a_nack_gives_it_and_everything_behind_it_back(
    client: Client, orders: Queue, status: str
) -> None:
    """Upstream loses b."""
    await orders.push("a", "b", "c")
    a, b, c = await orders.pop(3)
    acked = await client.ack(item(a), item(b, status), item(c))
    assert outcomes(acked) == [DONE, DONE, (False, SUPERSEDED)]
    assert ids(await orders.pop(9)) == ["b", "c"]


@pytest.mark.parametrize("status", ["failed", "retry"])
@pytest.mark.parametrize("behind", ["completed", "success", "dlq", "failed", "retry"])
async def test_behind_a_nack_a_nack_succeeds_and_a_commit_is_refused(
    client: Client, orders: Queue, status: str, behind: str
) -> None:
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    acked = await client.ack(item(a, status), item(b, behind))
    expected = DONE if behind in ("failed", "retry") else (False, SUPERSEDED)
    assert outcomes(acked) == [DONE, expected]
    assert not any(one.dlq for one in acked)
    assert ids(await orders.pop(9)) == ["a", "b"]


async def test_items_are_judged_in_the_order_of_the_partition(client: Client, orders: Queue) -> None:
    """In which order a request names its items makes no difference."""
    await orders.push("a", "b", "c")
    a, b, c = await orders.pop(3)
    acked = await client.ack(item(c), item(b, "failed"), item(a))
    assert outcomes(acked) == [(False, SUPERSEDED), DONE, DONE]
    assert ids(await orders.pop(9)) == ["b", "c"]


@pytest.mark.parametrize("status", ["failed", "retry"])
@covers(ACK)
async def test_a_nack_ends_the_lease(client: Client, orders: Queue, status: str) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    assert (await client.ack_one(item(a, status))).lease_released
    assert ids(await orders.pop()) == ["a"]


@pytest.mark.parametrize("status", ["failed", "retry"])
@pytest.mark.parametrize("lease", [NOBODY, None])
async def test_a_nack_of_what_is_committed_is_refused(
    client: Client, orders: Queue, status: str, lease: str | None
) -> None:
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    await client.ack(item(a))
    for given in (a.lease_id, lease):
        [refused] = await client.ack(item(a, status, leaseId=given))
        assert not refused.success
        assert "already committed" in (refused.error or "")
    assert await orders.pop() == [], "the lease lives on"
    assert outcomes(await client.ack(item(b))) == [DONE]


async def test_a_batch_that_fails_comes_back_whole(client: Client, orders: Queue) -> None:
    """Upstream loses a and dead-letters b and c without a second try."""
    await orders.configure(retryLimit=1)
    await orders.push("a", "b", "c")
    first = await orders.pop(3)
    acked = await client.ack(*(item(one, "failed") for one in first))
    assert [(one.success, one.dlq) for one in acked] == [(True, False)] * 3
    second = await orders.pop(3)
    assert [(one.transaction_id, one.retry_count) for one in second] == [("a", 1), ("b", 0), ("c", 0)]
    acked = await client.ack(*(item(one, "failed") for one in second))
    assert [(one.success, one.dlq) for one in acked] == [(True, True), (True, False), (True, False)]
    third = await orders.pop(3)
    assert [(one.transaction_id, one.retry_count) for one in third] == [("b", 0), ("c", 0)]


@pytest.mark.parametrize("limit", [0, 1, 2])
@covers(ACK)
async def test_a_retry_limit_of_2_is_3_attempts(client: Client, orders: Queue, limit: int) -> None:
    """retryLimit counts the retries: a message that fails once more than that is dead."""
    await orders.configure(retryLimit=limit)
    await orders.push("a", "b")
    for attempt in range(limit + 1):
        a, _ = await orders.pop(2)
        assert (a.transaction_id, a.retry_count) == ("a", attempt)
        acked = await client.ack_one(item(a, "failed"))
        assert (acked.success, acked.dlq) == (True, attempt == limit)
        assert acked.lease_released
    assert ids(await orders.pop(9)) == ["b"], "the rest is delivered again at once"


async def test_the_next_message_has_all_its_attempts(client: Client, orders: Queue) -> None:
    """Upstream does not reset the count after a dead letter."""
    await orders.configure(retryLimit=1)
    await orders.push("a", "b")
    for wanted in (("a", False), ("a", True), ("b", False), ("b", True)):
        [message] = await orders.pop()
        acked = await client.ack_one(item(message, "failed"))
        assert (message.transaction_id, acked.dlq) == wanted
    assert await orders.pop() == []


async def test_the_count_starts_at_0_when_the_position_moves(client: Client, orders: Queue) -> None:
    await orders.configure(retryLimit=1)
    await orders.push("a", "b")
    [a] = await orders.pop()
    await client.ack(item(a, "failed"))
    a, b = await orders.pop(2)
    assert (a.retry_count, b.retry_count) == (1, 0)
    assert outcomes(await client.ack(item(a), item(b, "failed"))) == [DONE, DONE]
    [b] = await orders.pop()
    assert (b.transaction_id, b.retry_count) == ("b", 1)


async def test_failed_counts_once_in_a_request(client: Client, orders: Queue) -> None:
    await orders.configure(retryLimit=1)
    await orders.push("a")
    [a] = await orders.pop()
    acked = await client.ack(item(a, "failed"), item(a, "failed"))
    assert [(one.success, one.dlq) for one in acked] == [(True, False)] * 2
    [a] = await orders.pop()
    assert a.retry_count == 1


async def test_what_dies_takes_nothing_with_it(client: Client, orders: Queue) -> None:
    """Only the message that failed too often dies; commits behind it are refused, nothing is lost."""
    await orders.configure(retryLimit=0)
    await orders.push("a", "b", "c")
    a, b, c = await orders.pop(3)
    acked = await client.ack(item(a), item(b, "failed"), item(c))
    assert [(one.success, one.dlq) for one in acked] == [(True, False), (True, True), (False, False)]
    assert ids(await orders.pop(9)) == ["c"]


@covers(ACK)
async def test_retry_never_counts(client: Client, orders: Queue) -> None:
    await orders.configure(retryLimit=0)
    await orders.push("a")
    for _ in range(5):
        [a] = await orders.pop()
        assert a.retry_count == 0
        acked = await client.ack_one(item(a, "retry"))
        assert (acked.success, acked.dlq, acked.lease_released) == (True, False, True)


@covers(ACK)
async def test_dlq_is_dead_at_once_and_commits(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c")
    messages = await orders.pop(3)
    acked = await client.ack_one(item(messages[1], "dlq"))
    assert (acked.success, acked.dlq, acked.lease_released) == (True, True, False)
    assert (await client.ack_one(item(messages[0]))).noop, "what stands before it is committed with it"
    assert (await client.ack_one(item(messages[2]))).lease_released
    assert await orders.pop() == []


async def test_dlq_of_what_is_committed_is_a_noop(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    await client.ack(item(a))
    [again] = await client.ack(item(a, "dlq"))
    assert (again.success, again.noop, again.dlq) == (True, True, False)


async def test_the_count_of_a_group_is_its_own(client: Client, orders: Queue) -> None:
    await orders.configure(retryLimit=0)
    await orders.push("a")
    [a] = await orders.pop(consumerGroup="g")
    [acked] = await client.ack(item(a, "failed"), group="g")
    assert acked.dlq
    [a] = await orders.pop(consumerGroup="h")
    assert (a.transaction_id, a.retry_count) == ("a", 0)
