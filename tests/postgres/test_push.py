"""Push: stored once, in order, all or nothing - for every strategy, on a real table."""

import asyncio

import pytest

from queen.core.push import Pushed
from queen.core.store import NewMessage, PartitionName
from queen.errors import BadRequest
from queen.settings import PushStrategy
from tests.messages import new_message

from .conftest import Queue, soon

pytestmark = pytest.mark.parametrize("strategy", list(PushStrategy), ids=lambda kind: kind.value)

STORED = """
select p.name, m.position, m.transaction_id, m.payload::text
from queen.messages m join queen.partitions p on p.id = m.partition_id
order by p.name, m.position
"""


def item(transaction_id: str, partition: str = "p", payload: str = "1") -> NewMessage:
    return new_message(PartitionName("orders", partition), payload, transaction_id)


async def push(queue: Queue, strategy: PushStrategy, *items: NewMessage) -> list[Pushed]:
    return (await queue.pushers[strategy].push(items, soon())).each()


async def sequential_scans(queue: Queue, rows: int) -> int:
    """Of queen.messages, once the counters show that many inserted rows (they come up to a second late)."""
    async with asyncio.timeout(10):
        while True:
            [(seen, scans)] = await queue.sql(
                "select n_tup_ins, seq_scan from pg_stat_user_tables where relname = 'messages'"
            )
            if seen == rows:
                return int(str(scans))


async def test_positions_are_the_order_of_the_items(queue: Queue, strategy: PushStrategy) -> None:
    await push(queue, strategy, item("a"), item("b", "q"), item("c"))
    await push(queue, strategy, item("d"), item("e", "q"))
    assert await queue.sql(STORED) == [
        ("p", 1, "a", "1"),
        ("p", 2, "c", "1"),
        ("p", 3, "d", "1"),
        ("q", 1, "b", "1"),
        ("q", 2, "e", "1"),
    ]


async def test_a_duplicate_gets_the_id_of_the_message_that_is_there(
    queue: Queue, strategy: PushStrategy
) -> None:
    first = await push(queue, strategy, item("a"), item("b"))
    again = await push(queue, strategy, item("b"), item("c"), item("a"))
    assert [pushed.duplicate for pushed in again] == [True, False, True]
    assert again[0].id == first[1].id
    assert again[2].id == first[0].id
    assert [row[1:3] for row in await queue.sql(STORED)] == [(1, "a"), (2, "b"), (3, "c")]


async def test_of_equal_items_in_one_request_the_first_wins(queue: Queue, strategy: PushStrategy) -> None:
    pushed = await push(
        queue, strategy, item("a", payload="1"), item("a", payload="2"), item("a", "q", payload="3")
    )
    assert [one.duplicate for one in pushed] == [False, True, False]
    assert pushed[1].id == pushed[0].id
    assert await queue.sql(STORED) == [("p", 1, "a", "1"), ("q", 1, "a", "3")]


async def test_racing_pushes_of_the_same_ids_store_each_once(queue: Queue, strategy: PushStrategy) -> None:
    """4 connections, the same 10 ids: the race that a look-up in the lock's own snapshot loses."""
    rounds, width = 40, 10
    for number in range(rounds):
        crowd = [
            [item(f"{number}-{index}", partition=f"p{index % 2}") for index in range(width)] for _ in range(4)
        ]
        answers = await asyncio.gather(*(push(queue, strategy, *items) for items in crowd))
        for index in range(width):
            same = [answer[index] for answer in answers]
            assert sorted(one.duplicate for one in same) == [False, True, True, True]
            assert len({one.id for one in same}) == 1
    [(stored, distinct, gaps)] = await queue.sql(
        "select count(*), count(distinct transaction_id),"
        " (select sum(head) from queen.partitions) - count(*) from queen.messages"
    )
    assert (stored, distinct, gaps) == (rounds * width, rounds * width, 0)


async def test_opposite_orders_over_partitions_do_not_deadlock(queue: Queue, strategy: PushStrategy) -> None:
    names = [f"p{index}" for index in range(5)]

    async def producer(number: int) -> None:
        order = names if number % 2 else names[::-1]
        for turn in range(15):
            await push(queue, strategy, *(item(f"{number}-{turn}", name) for name in order))

    await asyncio.gather(*(producer(number) for number in range(8)))
    [(deadlocks,)] = await queue.sql(
        "select deadlocks from pg_stat_database where datname = current_database()"
    )
    assert deadlocks == 0
    assert await queue.sql("select distinct head from queen.partitions") == [(8 * 15,)]


async def test_a_bad_item_stores_nothing(queue: Queue, strategy: PushStrategy) -> None:
    with pytest.raises(BadRequest, match="the database refused a value"):
        await push(queue, strategy, item("a"), item("b", payload="{not json"))
    assert await queue.sql(STORED) == []


async def test_a_queue_deleted_by_hand_is_made_again(queue: Queue, strategy: PushStrategy) -> None:
    await push(queue, strategy, item("a"))
    await queue.sql("delete from queen.queues where name = 'orders'")
    assert await queue.sql("select count(*) from queen.messages") == [(0,)]
    [pushed] = await push(queue, strategy, item("a"))
    assert not pushed.duplicate
    assert await queue.sql(STORED) == [("p", 1, "a", "1")]


async def test_payloads_come_back_as_the_bytes_that_went_in(queue: Queue, strategy: PushStrategy) -> None:
    payload = '{"b": 1.10,"a":123456789012345678901234567890, "b":"\\u0000\\u00e9 é"}'
    await push(queue, strategy, item("a", payload=payload))
    assert await queue.sql(STORED) == [("p", 1, "a", payload)]


async def test_on_fresh_tables_no_push_ever_scans(queue: Queue, strategy: PushStrategy) -> None:
    """Plans must not depend on statistics: every trial of a sweep starts on fresh tables."""
    await queue.sql("alter table queen.messages set (autovacuum_enabled = off)")
    await push(queue, strategy, item("first"))
    before = await sequential_scans(queue, 1)  # one for each index that was built
    for number in range(60):
        await push(queue, strategy, *(item(f"{number}-{index}") for index in range(20)))
    assert await sequential_scans(queue, 1 + 60 * 20) == before
