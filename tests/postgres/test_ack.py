"""The ack rule on a real table: the traps one by one, then anything at all against a model."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queen.core.ack import Acked, plain_ack
from queen.core.looking import PopRequest
from queen.core.pop import Delivery
from queen.core.store import QUEUE_MODE_GROUP, AckItem, AckOutcome, PartitionName, QueueOptions
from queen.settings import PushStrategy
from tests.messages import new_message

from .ack_model import AckModel, ModelItem
from .conftest import Queue, soon
from .delivered import messages

STALE = "00000000-0000-4000-8000-000000000000"


class Reader:
    """One group on one partition, and a shorthand for its acks."""

    def __init__(self, queue: Queue, name: str = "orders", group: str = QUEUE_MODE_GROUP) -> None:
        self.queue = queue
        self.name = name
        self.group = group
        self.partition = UUID(int=0)

    async def prepare(self, messages: int, retry_limit: int = 1) -> None:
        """Push messages "1", "2", … to a queue with that retry limit."""
        await self.queue.store.configure(self.name, "", "", QueueOptions(retry_limit=retry_limit), soon())
        items = [
            new_message(PartitionName(self.name, "p"), str(number), str(number))
            for number in range(1, messages + 1)
        ]
        pushed = await self.queue.pushers[PushStrategy.BATCH].push(items, soon())
        self.partition = UUID(pushed.partitions[0].uuid)

    async def pop(self, batch: int = 10) -> Delivery | None:
        return await self.queue.pop(PopRequest(self.name, "p", group=self.group, batch=batch))

    async def ack(self, delivery: Delivery | None, *acks: str, error: str = "") -> list[Acked]:
        """Acks like "1 completed"; under the delivery's lease, or unfenced."""
        lease = "" if delivery is None else str(delivery.lease_id)
        items = [
            AckItem(self.partition, number, status, lease, error)
            for number, status in (ack.split() for ack in acks)
        ]
        return await self.queue.ack(self.group, items)

    async def expire(self) -> None:
        """Let the live lease run out: time moved in the table, not the clock."""
        await self.queue.sql(
            "update queen.cursors c set lease_expires_at = now() - interval '1 s',"
            " available_at = now() - interval '1 s'"
            " from queen.partitions p where p.id = c.partition_id and p.uuid = $1 and c.lease_id is not null",
            self.partition,
        )

    async def position(self) -> int:
        [(position,)] = await self.queue.sql(
            "select c.position from queen.cursors c join queen.partitions p on p.id = c.partition_id"
            " join queen.consumer_groups g on g.id = c.group_id where p.uuid = $1 and g.name = $2",
            self.partition,
            self.group,
        )
        return int(str(position))

    async def dead(self) -> list[tuple[object, ...]]:
        return await self.queue.sql(
            "select transaction_id, error, retry_count from queen.dead_letters order by id"
        )


def transaction_ids(delivery: Delivery | None) -> list[str]:
    assert delivery is not None
    return [message.transaction_id for message in messages(delivery)]


@pytest.fixture
def reader(queue: Queue) -> Reader:
    return Reader(queue)


async def test_the_lease_ends_when_everything_handed_out_is_acked(reader: Reader) -> None:
    await reader.prepare(3)
    delivery = await reader.pop(2)
    assert transaction_ids(delivery) == ["1", "2"]
    assert await reader.pop() is None
    assert [acked.released for acked in await reader.ack(delivery, "1 completed")] == [False]
    assert [acked.released for acked in await reader.ack(delivery, "2 completed")] == [True]
    assert transaction_ids(await reader.pop()) == ["3"]


async def test_a_whole_failed_batch_is_delivered_again_and_counts_once(reader: Reader) -> None:
    await reader.prepare(3, retry_limit=1)
    acked = await reader.ack(await reader.pop(), "1 failed", "2 failed", "3 failed")
    assert all(one.success and one.released and not one.dead for one in acked)
    again = await reader.pop()
    assert transaction_ids(again) == ["1", "2", "3"]
    assert again is not None
    assert [message.retry_count for message in messages(again)] == [1, 0, 0]
    assert await reader.dead() == []


async def test_over_the_limit_only_that_message_dies_and_the_count_starts_again(reader: Reader) -> None:
    await reader.prepare(3, retry_limit=1)
    for _ in range(2):
        acked = await reader.ack(await reader.pop(), "1 failed", "2 failed", error="boom")
    assert [one.dead for one in acked] == [True, False]
    assert await reader.dead() == [("1", "boom", 1)]
    again = await reader.pop()
    assert transaction_ids(again) == ["2", "3"]
    acked = await reader.ack(again, "2 failed")
    assert [one.dead for one in acked] == [False]


async def test_a_dead_letter_has_its_own_count_though_the_limit_was_lowered_meanwhile(reader: Reader) -> None:
    await reader.prepare(1, retry_limit=5)
    for _ in range(3):
        await reader.ack(await reader.pop(), "1 failed")
    await reader.queue.store.configure(reader.name, "", "", QueueOptions(retry_limit=1), soon())
    [acked] = await reader.ack(await reader.pop(), "1 failed", error="broken")
    assert acked.dead
    assert await reader.dead() == [("1", "broken", 3)]


async def test_a_nack_in_the_middle_is_not_lost(reader: Reader) -> None:
    await reader.prepare(3)
    acked = await reader.ack(await reader.pop(), "1 completed", "2 failed", "3 completed")
    assert [one.success for one in acked] == [True, True, False]
    assert acked[2].error == "superseded by an earlier failed or retry in this request"
    assert transaction_ids(await reader.pop()) == ["2", "3"]


async def test_acks_in_reverse_order_never_move_backwards(reader: Reader) -> None:
    await reader.prepare(3)
    delivery = await reader.pop()
    assert [one.released for one in await reader.ack(delivery, "3 completed")] == [True]
    late = await reader.ack(delivery, "2 completed", "1 completed")
    assert [(one.success, one.noop) for one in late] == [(True, True), (True, True)]
    assert await reader.position() == 3
    assert await reader.pop() is None


async def test_a_late_nack_is_answered_not_obeyed(reader: Reader) -> None:
    await reader.prepare(2)
    delivery = await reader.pop()
    await reader.ack(delivery, "2 completed")
    [acked] = await reader.ack(delivery, "1 failed")
    assert not acked.success
    assert acked.error is not None
    assert "already committed" in acked.error


async def test_the_same_id_twice_counts_once(reader: Reader) -> None:
    await reader.prepare(2)
    acked = await reader.ack(await reader.pop(), "1 completed", "1 completed")
    assert [(one.noop, one.released) for one in acked] == [(False, False), (True, False)]
    assert await reader.pop() is None


async def test_an_unfenced_ack_is_refused_while_a_lease_lives(reader: Reader) -> None:
    await reader.prepare(2)
    await reader.pop()
    [acked] = await reader.ack(None, "1 completed")
    assert acked.error == "Invalid or expired lease"
    assert await reader.position() == 0


async def test_a_group_that_never_popped_is_told_so(reader: Reader) -> None:
    await reader.prepare(1)
    [acked] = await reader.ack(None, "1 completed")
    assert not acked.success
    assert acked.error == "the consumer group has never popped from this queue"


async def test_an_unknown_message_changes_nothing(reader: Reader) -> None:
    await reader.prepare(2)
    delivery = await reader.pop()
    acked = await reader.ack(delivery, "nosuch completed", "1 completed")
    assert [one.success for one in acked] == [False, True]
    assert acked[0].error is not None
    assert "unresolved transactionId" in acked[0].error
    assert await reader.pop() is None, "the lease stays"


async def test_an_expired_lease_is_refused_and_counted_apart(reader: Reader) -> None:
    await reader.prepare(1, retry_limit=0)
    delivery = await reader.pop()
    await reader.expire()
    [acked] = await reader.ack(delivery, "1 completed")
    assert acked.error == "Invalid or expired lease"
    again = await reader.pop()
    assert again is not None
    assert [(one.retry_count, one.lease_expiries) for one in messages(again)] == [(0, 1)]
    assert await reader.dead() == []


async def test_an_unknown_status_is_refused_alone(reader: Reader) -> None:
    await reader.prepare(2)
    acked = await reader.ack(await reader.pop(), "1 done", "2 completed")
    assert [one.success for one in acked] == [False, True]
    assert acked[0].error is not None
    assert acked[0].error.startswith("unknown status 'done'")


async def test_groups_do_not_see_each_other(queue: Queue) -> None:
    first, second = Reader(queue, group="a"), Reader(queue, group="b")
    await first.prepare(2)
    second.partition = first.partition
    mine, theirs = await first.pop(), await second.pop()
    await first.ack(mine, "2 completed")
    assert (await first.position(), await second.position()) == (2, 0)
    assert transaction_ids(theirs) == ["1", "2"]


ITEMS = st.lists(
    st.builds(
        ModelItem,
        position=st.integers(1, 7),
        status=st.sampled_from(["completed", "failed", "retry", "dlq"]),
        lease=st.sampled_from(["live", "live", "live", "stale", ""]),
    ),
    min_size=1,
    max_size=5,
)
EXPIRE = "the lease runs out"
RUNS = st.builds(
    lambda first, length, lease: [
        ModelItem(position, "completed", lease) for position in range(first, first + length)
    ],
    first=st.integers(1, 6),
    length=st.integers(1, 4),
    lease=st.sampled_from(["live", "live", "stale", ""]),
)
STEPS = st.lists(st.one_of(st.integers(1, 4), ITEMS, RUNS, st.just(EXPIRE)), min_size=1, max_size=12)
serial = iter(range(1_000_000))


async def outcomes_of(queue: Queue, items: list[AckItem]) -> Sequence[AckOutcome]:
    """The short way where there is one, else the whole rule: as the server goes."""
    plain = plain_ack(QUEUE_MODE_GROUP, items)
    if plain is not None:
        [outcome] = await queue.store.ack_together([plain], soon())
        if outcome is not None:
            return [outcome] * len(items)
    return await queue.store.ack(QUEUE_MODE_GROUP, items, soon())


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, retry_limit=st.integers(0, 2))
async def test_any_course_of_pops_and_acks_follows_the_model(
    queue: Queue, steps: list[int | list[ModelItem] | str], retry_limit: int
) -> None:
    head = 6
    reader, model = Reader(queue, f"course-{next(serial)}"), AckModel(retry_limit, head)
    await reader.prepare(head, retry_limit)
    await queue.store.register_group(reader.name, QUEUE_MODE_GROUP, "all", None, soon())
    lease = STALE
    for step in steps:
        if isinstance(step, str):
            await reader.expire()
            model.expire()
            continue
        if isinstance(step, int):
            delivery = await reader.pop(step)
            got = [int(one) for one in transaction_ids(delivery)] if delivery else []
            assert got == model.pop(step)
            for message in messages(delivery):
                assert message.lease_expiries == model.expiries
                assert message.retry_count == model.attempts.get(int(message.transaction_id), 0)
            lease = str(delivery.lease_id) if delivery else lease
            continue
        names = {"live": lease if model.lease_end is not None else STALE, "stale": STALE, "": ""}
        items = [AckItem(reader.partition, str(one.position), one.status, names[one.lease]) for one in step]
        outcomes = await outcomes_of(queue, items)
        expected, ended = model.ack(step)
        assert [one.outcome for one in outcomes] == expected
        assert {one.released for one in outcomes if one.outcome != "unresolved"} <= {ended}
        assert await reader.position() == model.position
    dead = await queue.sql(
        "select d.position, d.retry_count from queen.dead_letters d join queen.queues q on q.id = d.queue_id"
        " where q.name = $1 order by d.id",
        reader.name,
    )
    assert dead == model.dead
