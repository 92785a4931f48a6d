"""Pops that share a call: each has its own outcome, and none waits for a lock or spoils it for the others."""

import asyncio
from uuid import UUID, uuid4

from queen.core.looking import PopRequest
from queen.core.store import Claimed, PopOutcome, PopQuery, PopResult, UnknownGroup, UnknownPartition
from queen.local.database import Database
from tests.databases import connected

from .conftest import Queue, soon
from .delivered import read
from .orders import names, push

NOBODY = 1 << 40
HOLD = """
select from queen.cursors c join queen.partitions p on p.id = c.partition_id where p.name = $1 for update of c
"""


async def group_and_partitions(queue: Queue) -> tuple[int, dict[str, int]]:
    """A group that reads "p" (a, b, c) and "q" (d); ids."""
    await push(queue, "a", "b", "c", partition="p")
    await push(queue, "d", partition="q")
    group = await queue.store.register_group("orders", "g", "all", None, soon())
    rows = await queue.sql("select name, id from queen.partitions")
    return group, {str(name): int(str(number)) for name, number in rows}


def asking(group: int, partition: int | None = None, batch: int = 1, lease: UUID | None = None) -> PopQuery:
    return PopQuery(group, "g", partition, batch, 1, lease)


def got(outcome: PopOutcome) -> list[str]:
    """The ids of the messages that one pop got."""
    assert isinstance(outcome, PopResult)
    return [message.transaction_id for claimed in outcome.claimed for message in read(claimed)]


async def test_each_has_its_own_outcome_in_the_order_of_asking(queue: Queue) -> None:
    group, partitions = await group_and_partitions(queue)
    lease, p = uuid4(), partitions["p"]
    outcomes = await queue.store.pop_together(
        [
            asking(group, p),
            asking(NOBODY),
            asking(group, p, lease=lease),
            asking(group, NOBODY),
            asking(group, p),
            asking(group),
        ],
        soon(),
    )
    assert [got(outcomes[number]) for number in (0, 2, 4, 5)] == [["a"], ["b"], [], ["d"]]
    assert isinstance(outcomes[1], UnknownGroup)
    assert isinstance(outcomes[3], UnknownPartition)
    leased = outcomes[4]
    assert isinstance(leased, PopResult) and leased.next_in_ms is not None and leased.next_in_ms > 0
    assert leased.blocked_partition is None, "a lease is no lock: waiting for it would not help"
    assert await queue.sql("select lease_id, lease_end from queen.cursors where lease_id is not null") == [
        (lease, 2)
    ]


async def test_what_another_session_holds_is_reported_and_not_waited_for(
    queue: Queue, each_database: Database
) -> None:
    group, partitions = await group_and_partitions(queue)
    async with connected(each_database) as slow, slow.transaction():
        await slow.fetch(HOLD, "p")
        by_name, other, anywhere = await queue.store.pop_together(
            [asking(group, partitions["p"]), asking(group, partitions["q"]), asking(group)], soon()
        )
    assert (got(by_name), got(other), got(anywhere)) == ([], ["d"], [])
    for outcome in (by_name, anywhere):
        assert isinstance(outcome, PopResult) and outcome.blocked_partition == partitions["p"]


async def test_who_finds_a_partition_held_waits_for_it_by_itself(
    queue: Queue, each_database: Database
) -> None:
    await group_and_partitions(queue)
    async with connected(each_database) as slow:
        async with slow.transaction():
            await slow.fetch(HOLD, "p")
            held = asyncio.create_task(queue.pop(PopRequest("orders", "p", group="g", batch=9)))
            free = await queue.pop(PopRequest("orders", "q", group="g"))
            assert names(free) == ["d"]
            assert not held.done()
        assert names(await held) == ["a", "b", "c"]


async def test_pops_at_the_same_time_share_a_call_and_get_a_message_each(queue: Queue) -> None:
    sent = [str(number) for number in range(30)]
    await push(queue, *sent)
    request = PopRequest("orders", None, auto_ack=True)
    first = await queue.pop(request)
    before = queue.gauges.read().acquires
    deliveries = await asyncio.gather(*(queue.pop(request) for _ in range(29)))
    assert sorted([*names(first), *(name for each in deliveries for name in names(each))]) == sorted(sent)
    assert queue.gauges.read().acquires == before + 1


async def test_a_claim_knows_its_partition(queue: Queue) -> None:
    group, partitions = await group_and_partitions(queue)
    [outcome] = await queue.store.pop_together([asking(group, partitions["q"])], soon())
    assert isinstance(outcome, PopResult)
    [claimed] = outcome.claimed
    [(uuid,)] = await queue.sql("select uuid from queen.partitions where name = 'q'")
    assert claimed == Claimed(UUID(str(uuid)), "q", 1, claimed.objects)
