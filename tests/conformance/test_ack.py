"""POST /api/v1/ack and /ack/batch: an ack is an offset commit; a refusal is an answer.

The rule is docs/ack.md's, in its order. Upstream's traps have a test each: they say what it does.
"""

import pytest

from .answers import Acked
from .client import Client, Queue, ids, item
from .marks import FEW, PAIRS, covers, on

ACK = "POST /api/v1/ack"
BATCH = "POST /api/v1/ack/batch"
STALE = "0190a000-0000-7000-8000-00000000dead"  # no lease has ever had this id
INVALID = "Invalid or expired lease"
SUPERSEDED = "superseded by an earlier failed or retry in this request"

pytestmark = [on(PAIRS), covers(BATCH)]


def outcomes(acked: list[Acked]) -> list[tuple[bool, str | None]]:
    """Success and error of each item."""
    return [(one.success, one.error) for one in acked]


DONE = (True, None)


# What an answer looks like


@covers(ACK)
async def test_one_ack_is_answered_by_an_array_of_one(client: Client, orders: Queue) -> None:
    await orders.push("a", partition="p")
    [message] = await orders.pop()
    answer = await client.post("/api/v1/ack", item(message))
    assert answer.status == 200
    assert answer.json == [
        {
            "index": 0,
            "transactionId": "a",
            "success": True,
            "error": None,
            "queueName": orders.name,
            "partitionName": "p",
            "leaseReleased": True,
            "dlq": False,
        }
    ]


async def test_a_batch_is_answered_in_the_order_of_its_items(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c")
    a, b, c = await orders.pop(3)
    acked = await client.ack(item(c), item(a), item(b))
    assert [(one.index, one.transaction_id) for one in acked] == [(0, "c"), (1, "a"), (2, "b")]
    assert all(one.success for one in acked)


async def test_no_acknowledgments_is_an_empty_answer(client: Client) -> None:
    assert await client.ack() == []


@covers(ACK)
async def test_the_status_is_completed_unless_it_is_said(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    for status in ({}, {"status": "success"}):
        [message] = await orders.pop()
        place = {"transactionId": message.transaction_id, "partitionId": message.partition_id}
        assert (await client.ack_one({**place, "leaseId": message.lease_id, **status})).success
    assert await orders.pop() == []


@on(FEW)
@covers(ACK)
async def test_optional_fields_that_are_no_text_count_as_absent(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [message] = await orders.pop()
    [refused] = await client.ack({**item(message), "status": 7, "error": [], "leaseId": 7})
    assert refused.error == INVALID, "a lease that is no text is no lease, and one lives"
    acked = await client.ack_one({**item(message), "status": None, "error": 5})
    assert (acked.success, acked.dlq) == (True, False)


async def test_an_unknown_status_is_refused_and_changes_nothing(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    unknown, known = await client.ack(item(a, "done"), item(b, "completed"))
    assert not unknown.success
    assert known.success
    assert await orders.pop() == []


async def test_an_unknown_status_alone_keeps_the_lease(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    [unknown] = await client.ack(item(a, "done"))
    assert not unknown.success
    assert await orders.pop() == []
    assert (await client.ack_one(item(a))).success


# Rule 1: which message is meant


@covers(ACK)
async def test_an_unknown_message_is_refused_and_nothing_else_changes(client: Client, orders: Queue) -> None:
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    unknown, known = await client.ack(item(a, "failed", transactionId="never"), item(a))
    assert not unknown.success
    assert "unresolved transactionId" in (unknown.error or "")
    assert (known.success, known.lease_released) == (True, False)
    alone = await client.ack_one(item(b, transactionId="never"))
    assert "unresolved transactionId" in (alone.error or "")
    assert await orders.pop() == [], "the lease lives on"
    assert (await client.ack_one(item(b))).lease_released


async def test_a_message_of_another_partition_is_unknown_in_this_one(client: Client, orders: Queue) -> None:
    await orders.push("a", partition="1")
    [other] = await orders.push("b", partition="2")
    [a] = await orders.pop(partition="1")
    [refused] = await client.ack(item(a, partitionId=other.partition_id))
    assert "unresolved transactionId" in (refused.error or "")
    [refused] = await client.ack(item(a, partitionId=STALE))
    assert "unresolved transactionId" in (refused.error or "")


async def test_the_same_id_in_two_partitions_is_two_messages(client: Client, orders: Queue) -> None:
    await orders.push("t", partition="1")
    await orders.push("t", partition="2")
    [one] = await orders.pop(partition="1")
    [two] = await orders.pop(partition="2")
    assert outcomes(await client.ack(item(one))) == [DONE]
    assert await orders.pop(partition="2") == [], "the other lease lives on"
    assert outcomes(await client.ack(item(two))) == [DONE]


# Rule 2: fenced and unfenced


@covers(ACK)
async def test_a_retried_ack_is_a_noop_not_an_error(client: Client, orders: Queue) -> None:
    """An ack whose answer was lost can be sent again: what is committed is judged before the lease."""
    await orders.push("a", "b")
    messages = await orders.pop(2)
    first = await client.ack(*map(item, messages))
    assert [one.noop for one in first] == [None, None]
    again = await client.ack(*map(item, messages))
    assert outcomes(again) == [DONE, DONE]
    assert [one.noop for one in again] == [True, True]
    with_another_lease = await client.ack_one(item(messages[0], leaseId=STALE))
    assert (with_another_lease.success, with_another_lease.noop) == (True, True)
    with_no_lease = await client.ack_one(item(messages[0], leaseId=None))
    assert (with_no_lease.success, with_no_lease.noop) == (True, True)


@pytest.mark.parametrize("status", ["completed", "failed", "retry", "dlq"])
@pytest.mark.parametrize("lease", [STALE, "not a uuid"])
async def test_a_lease_that_does_not_live_is_refused_and_changes_nothing(
    client: Client, orders: Queue, status: str, lease: str
) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    [refused] = await client.ack(item(a, status, leaseId=lease))
    assert outcomes([refused]) == [(False, INVALID)]
    assert await orders.pop() == []
    [acked] = await client.ack(item(a))
    assert (acked.success, acked.noop, acked.lease_released) == (True, None, True)


async def test_a_lease_of_another_group_or_partition_does_not_count(client: Client, orders: Queue) -> None:
    await orders.push("a", partition="1")
    await orders.push("b", partition="2")
    [a] = await orders.pop(partition="1")
    [b] = await orders.pop(partition="2")
    [other] = await orders.pop(partition="1", consumerGroup="g")
    assert outcomes(await client.ack(item(a, leaseId=b.lease_id))) == [(False, INVALID)]
    assert outcomes(await client.ack(item(a, leaseId=other.lease_id))) == [(False, INVALID)]
    assert outcomes(await client.ack(item(a), group="g")) == [(False, INVALID)]
    assert outcomes(await client.ack(item(a), item(b))) == [DONE, DONE]


async def test_an_old_lease_does_not_count_against_a_new_one(client: Client, orders: Queue) -> None:
    await orders.push("a")
    [old] = await orders.pop()
    await client.ack(item(old, "retry"))
    [new] = await orders.pop()
    assert outcomes(await client.ack(item(old))) == [(False, INVALID)]
    assert outcomes(await client.ack(item(new))) == [DONE]


@pytest.mark.parametrize("nothing", [None, ""])
@covers(ACK)
async def test_without_a_lease_an_ack_is_refused_while_one_lives(
    client: Client, orders: Queue, nothing: str | None
) -> None:
    await orders.push("a")
    [a] = await orders.pop()
    refused = await client.ack_one(item(a, leaseId=nothing))
    assert outcomes([refused]) == [(False, INVALID)]
    assert await orders.pop() == []
    await client.ack(item(a, "retry"))
    acked = await client.ack_one(item(a, leaseId=nothing))
    assert (acked.success, acked.noop) == (True, None)
    assert await orders.pop() == []


async def test_an_ack_beyond_what_the_lease_handed_out_is_refused(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c")
    a, b = await orders.pop(2)
    beyond = await client.ack(item(b, transactionId="c"))
    assert outcomes(beyond) == [(False, INVALID)]
    assert outcomes(await client.ack(item(a), item(b))) == [DONE, DONE]
    assert ids(await orders.pop(9)) == ["c"]


async def test_a_group_that_never_popped_gets_no_silent_success(client: Client, orders: Queue) -> None:
    """Upstream says success and stores nothing."""
    await orders.push("a")
    [a] = await orders.pop()
    [refused] = await client.ack(item(a, leaseId=None), group="never")
    assert not refused.success
    assert refused.error
    assert ids(await orders.pop(consumerGroup="never")) == ["a"]


@covers(ACK)
async def test_the_group_stands_at_the_top(client: Client, orders: Queue) -> None:
    """In a batch an item's own consumerGroup is ignored."""
    await orders.push("a")
    [a] = await orders.pop(consumerGroup="g")
    assert outcomes(await client.ack(item(a, consumerGroup="another"), group="g")) == [DONE]
    assert await orders.pop(consumerGroup="g") == []
    assert ids(await orders.pop()) == ["a"], "queue mode has a position of its own"


# Rule 3: the position


@covers(ACK)
async def test_an_ack_commits_everything_up_to_its_message(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c", "d")
    messages = await orders.pop(3)
    acked = await client.ack_one(item(messages[2]))
    assert (acked.success, acked.noop, acked.lease_released) == (True, None, True)
    assert ids(await orders.pop(9)) == ["d"]


async def test_acks_in_reverse_order_do_not_move_the_position_back(client: Client, orders: Queue) -> None:
    """Upstream delivers b and c again."""
    await orders.push("a", "b", "c")
    messages = await orders.pop(3)
    acked = [await client.ack_one(item(message)) for message in reversed(messages)]
    assert outcomes(acked) == [DONE, DONE, DONE]
    assert [one.noop for one in acked] == [None, True, True]
    assert await orders.pop() == []


@covers(ACK)
async def test_a_late_ack_neither_rewinds_nor_ends_anothers_lease(client: Client, orders: Queue) -> None:
    """Upstream rewinds, and releases the live lease."""
    await orders.push("a", "b")
    [a] = await orders.pop()
    await client.ack(item(a))
    [b] = await orders.pop()
    late = await client.ack_one(item(a, leaseId=None))
    assert (late.success, late.noop, late.lease_released) == (True, True, False)
    assert await orders.pop() == []
    assert (await client.ack_one(item(b))).success


async def test_the_same_message_twice_in_a_request_counts_once(client: Client, orders: Queue) -> None:
    """Upstream counts it twice and releases the lease early."""
    await orders.push("a", "b")
    a, b = await orders.pop(2)
    acked = await client.ack(item(a), item(a))
    assert outcomes(acked) == [DONE, DONE]
    assert not any(one.lease_released for one in acked)
    assert await orders.pop() == []
    assert (await client.ack_one(item(b))).lease_released


async def test_partitions_of_one_request_do_not_touch_each_other(client: Client, orders: Queue) -> None:
    for partition in "12":
        await orders.push("a", "b", partition=partition)
    delivery = await orders.deliver(batch=4, partitions=2)
    first = delivery.messages[0].partition
    acked = await client.ack(
        *(item(one, "failed" if one.partition == first else "completed") for one in delivery.messages)
    )
    assert outcomes(acked) == [DONE] * 4
    again = await orders.pop(9, partitions=2)
    assert [(one.partition, one.transaction_id) for one in again] == [(first, "a"), (first, "b")]


# Rules 4 and 5: failed and retry


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
@pytest.mark.parametrize("lease", [STALE, None])
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


# Rules 6 and 7: attempts and dead letters


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


# Rule 8: the end of a lease


@covers(ACK)
async def test_a_lease_ends_with_the_last_message_that_it_handed_out(client: Client, orders: Queue) -> None:
    await orders.push("a", "b", "c")
    a, b = await orders.pop(2)
    assert not (await client.ack_one(item(a))).lease_released
    assert await orders.pop() == []
    assert (await client.ack_one(item(b))).lease_released
    assert ids(await orders.pop()) == ["c"]


async def test_each_partition_of_a_lease_ends_by_itself(client: Client, orders: Queue) -> None:
    for partition in "12":
        await orders.push("a", "b", partition=partition)
    delivery = await orders.deliver(batch=4, partitions=2)
    first = [one for one in delivery.messages if one.partition == "1"]
    acked = await client.ack(*map(item, first))
    assert [one.lease_released for one in acked] in ([False, True], [True, True])
    await orders.push("c", partition="1")
    await orders.push("c", partition="2")
    assert [(one.partition, one.transaction_id) for one in await orders.pop(9, partitions=2)] == [("1", "c")]


# Bodies


@on(FEW)
@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/v1/ack", b"", "Empty request body"),
        ("/api/v1/ack", b"{", "Invalid JSON"),
        ("/api/v1/ack", {"partitionId": STALE}, "transactionId is required"),
        ("/api/v1/ack", {"transactionId": None, "partitionId": STALE}, "transactionId is required"),
        ("/api/v1/ack", {"transactionId": 7, "partitionId": STALE}, "transactionId is required"),
        ("/api/v1/ack", {"transactionId": "x"}, "partitionId is required to ensure message uniqueness"),
        ("/api/v1/ack", {"transactionId": "x", "partitionId": 7}, "partitionId is required"),
        ("/api/v1/ack", {"transactionId": "x", "partitionId": "x"}, "partitionId must be a UUID"),
        ("/api/v1/ack", {"transactionId": "x\0", "partitionId": STALE}, "transactionId must not contain"),
        (
            "/api/v1/ack",
            {"transactionId": "x", "partitionId": STALE, "consumerGroup": "g" * 256},
            "consumerGroup is longer",
        ),
        ("/api/v1/ack/batch", b"", "Empty request body"),
        ("/api/v1/ack/batch", {}, "acknowledgments array is required"),
        ("/api/v1/ack/batch", {"acknowledgments": {}}, "acknowledgments array is required"),
        (
            "/api/v1/ack/batch",
            {"acknowledgments": [{}]},
            "Each acknowledgment must have a valid transactionId string",
        ),
        (
            "/api/v1/ack/batch",
            {"acknowledgments": [{"transactionId": "x"}]},
            "partitionId string to ensure message uniqueness",
        ),
        (
            "/api/v1/ack/batch",
            {"acknowledgments": [{"transactionId": "x", "partitionId": "x"}]},
            "partitionId must be a UUID",
        ),
    ],
)
@covers(ACK)
async def test_a_wrong_body_is_refused_with_the_place(
    client: Client, path: str, body: object, said: str
) -> None:
    answer = await client.post(path, body)
    assert answer.status == 400
    assert said in answer.error


async def test_one_bad_item_refuses_its_whole_request(client: Client, orders: Queue) -> None:
    """An id that cannot be one is a mistake of the client: nothing of its request is done."""
    await orders.push("a")
    [a] = await orders.pop()
    body = {"acknowledgments": [item(a), item(a, partitionId="x")]}
    assert (await client.post("/api/v1/ack/batch", body)).status == 400
    assert outcomes(await client.ack(item(a))) == [DONE]
