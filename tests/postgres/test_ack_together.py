"""Plain acks that share a call: what the short way does is what the whole rule would have done."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queen.core.store import QUEUE_MODE_GROUP, AckItem, PlainAck
from queen.local.database import Database
from tests.databases import WAIT_FOR_A_LOCK, connected
from tests.waiting import until

from .conftest import Queue, soon
from .orders import push
from .test_ack import STALE, Reader, transaction_ids

HEAD = 6
STATE = """
select c.position, c.attempts, c.attempts_position, c.expired_leases, c.consumed, c.lease_end,
       c.lease_id is null, c.lease_expires_at is null, c.last_consumed_at is null, isfinite(c.available_at)
from queen.cursors c join queen.partitions p on p.id = c.partition_id where p.uuid = $1
"""
RUN = st.tuples(st.integers(1, HEAD), st.integers(1, 4), st.sampled_from(["live", "live", "stale", ""]))
STEPS = st.lists(
    st.one_of(
        st.integers(1, 4),
        RUN,
        st.sampled_from(["expire", "failed", "push", "trim"]),
    ),
    min_size=1,
    max_size=10,
)
serial = iter(range(1_000_000))


class Twin(Reader):
    """A reader whose acks go one way or the other."""

    def __init__(self, queue: Queue, name: str, *, together: bool) -> None:
        super().__init__(queue, name)
        self.together = together
        self.lease = STALE
        self.short = 0  # acks for which the short way was enough

    async def state(self) -> list[tuple[object, ...]]:
        return await self.queue.sql(STATE, self.partition)

    async def complete(self, ids: list[str], lease: str) -> list[tuple[str, bool]]:
        """The outcomes, and whether the lease ended."""
        if self.together:
            request = PlainAck(self.group, self.partition, lease, ids)
            [outcome] = await self.queue.store.ack_together([request], soon())
            if outcome is not None:
                self.short += 1
                return [(outcome.outcome, outcome.released)] * len(ids)
        items = [AckItem(self.partition, each, "completed", lease) for each in ids]
        outcomes = await self.queue.store.ack(self.group, items, soon())
        return [(each.outcome, each.released) for each in outcomes]

    async def trim(self) -> None:
        """Delete the first message that is left, as retention does."""
        await self.queue.sql(
            "with moved as (update queen.partitions set tail = tail + 1 where uuid = $1 and tail < head"
            " returning id, tail) delete from queen.messages m using moved"
            " where m.partition_id = moved.id and m.position = moved.tail",
            self.partition,
        )

    async def step(self, step: object) -> object:
        """One step; what it says."""
        if isinstance(step, int):
            delivery = await self.pop(step)
            self.lease = str(delivery.lease_id) if delivery else self.lease
            return transaction_ids(delivery) if delivery else []
        if isinstance(step, tuple):
            first, length, lease = step
            names = {"live": self.lease, "stale": STALE, "": ""}
            return await self.complete([str(n) for n in range(first, first + length)], names[lease])
        if step == "expire":
            await self.expire()
        elif step == "push":
            await push(self.queue, f"more-{next(serial)}", to=self.name)
        elif step == "trim":
            await self.trim()
        else:
            position = await self.position()
            item = AckItem(self.partition, str(position + 1), "failed", self.lease)
            return [each.outcome for each in await self.queue.store.ack(self.group, [item], soon())]
        return None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_the_short_way_says_and_leaves_what_the_rule_does(queue: Queue, steps: list[object]) -> None:
    number = next(serial)
    twins = [Twin(queue, f"twin-{number}-{together}", together=together) for together in (False, True)]
    for twin in twins:
        await twin.prepare(HEAD, retry_limit=1)
        await queue.store.register_group(twin.name, QUEUE_MODE_GROUP, "all", None, soon())
    for step in steps:
        rule, short = [await twin.step(step) for twin in twins]
        assert rule == short or isinstance(step, int)
        assert await twins[0].state() == await twins[1].state()


@pytest.fixture
async def reader(queue: Queue) -> Twin:
    twin = Twin(queue, "orders", together=True)
    await twin.prepare(5)
    return twin


@pytest.mark.parametrize(
    ("ids", "enough"),
    [(["1", "2", "3"], True), (["2"], True), (["1", "3"], False), (["2", "1"], False), (["x"], False)],
)
async def test_the_next_messages_in_their_order_or_any_one_are_plain(
    reader: Twin, ids: list[str], enough: bool
) -> None:
    await reader.step(4)
    await reader.complete(ids, reader.lease)
    assert reader.short == enough


async def test_requests_are_judged_one_after_the_other_each_for_itself(reader: Twin) -> None:
    await reader.step(4)
    lease = reader.lease

    def asking(*ids: str, lease: str = lease, group: str = QUEUE_MODE_GROUP) -> PlainAck:
        return PlainAck(group, reader.partition, lease, ids)

    outcomes = await reader.queue.store.ack_together(
        [
            asking("1", "2"),
            asking("1"),
            asking("3", lease=STALE),
            asking("3", group="nobody"),
            PlainAck(QUEUE_MODE_GROUP, UUID(int=0), lease, ("3",)),
            asking("3", "4"),
            asking("5"),
        ],
        soon(),
    )
    assert [each and (each.outcome, each.released, each.queue, each.partition) for each in outcomes] == [
        ("done", False, "orders", "p"),
        ("noop", False, "orders", "p"),
        None,
        None,
        None,
        ("done", True, "orders", "p"),
        None,
    ]
    assert await reader.position() == 4


async def test_a_push_that_is_under_way_does_not_keep_an_ack_waiting(
    reader: Twin, each_database: Database
) -> None:
    """Nor does the ack hide what the push brings."""
    await reader.step(5)
    async with connected(each_database) as pusher:
        async with pusher.transaction():
            await pusher.execute("select from queen.partitions for no key update")
            assert await reader.complete(["1", "2", "3", "4", "5"], reader.lease) == [("done", True)] * 5
            await pusher.execute("update queen.partitions set head = 5")
        await push(reader.queue, "6")
    assert await reader.step(9) == ["6"]


async def test_acks_of_the_same_partitions_in_any_order_do_not_lock_each_other_out(queue: Queue) -> None:
    readers = [Twin(queue, f"orders-{number}", together=True) for number in range(3)]
    for each in readers:
        await each.prepare(30)
        await queue.store.register_group(each.name, QUEUE_MODE_GROUP, "all", None, soon())

    async def round_trip(number: int, order: list[Twin]) -> None:
        requests = [PlainAck(each.group, each.partition, "", [str(number)]) for each in order]
        await queue.store.ack_together(requests, soon())

    await asyncio.gather(
        *(round_trip(number, readers if number % 2 else readers[::-1]) for number in range(1, 31))
    )
    assert [await each.position() for each in readers] == [30] * 3


async def test_an_ack_waits_for_who_holds_its_cursor(reader: Twin, each_database: Database) -> None:
    await reader.step(2)
    async with connected(each_database) as holder:
        async with holder.transaction():
            await holder.execute("select from queen.cursors for update")
            acking = asyncio.create_task(reader.complete(["1", "2"], reader.lease))
            await until(lambda: reader.queue.sql(WAIT_FOR_A_LOCK))
        assert await acking == [("done", True)] * 2
