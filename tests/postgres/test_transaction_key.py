"""Where a transaction id stands in the index of the duplicate look-up: beside those that come with it."""

import itertools
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from queen.core.ids import Numbering
from queen.core.store import AckItem
from queen.postgres.reader import PostgresReader

from .conftest import Queue, soon

KEYS = "select array_agg(queen.transaction_key(id, $2)) from unnest($1::text[]) id"
FILL = """
    select queen.push(array[$1::bigint], array[1, $2::integer + 1], array[''], array[repeat('f', 40)],
        (select array_agg(gen_random_uuid()) from generate_series(1, $2)),
        (select array_agg(gen_random_uuid()::text) from generate_series(1, $2)),
        '{}', array_fill('1'::json, array[$2]))
"""
PUSH = """
    explain (analyze, wal, costs off, timing off, summary off)
    select queen.push(array[{partition}], array[1, cardinality(ids.names) + 1], array[''], array[''],
        (select array_agg(gen_random_uuid()) from unnest(ids.names)), ids.names, '{{}}',
        array_fill(to_json(repeat('x', 300)), array[cardinality(ids.names)]))
    from (select array[{names}] as names offset 0) ids
"""
ONE = "select queen.push_one($1, $2, $3, null, '1')"
# By way of each statement that looks for duplicates: $1, $2 partitions by id, $3 id, $4 transaction id.
PUSHES = {
    "one message": "select queen.push_one($1, $3, $4, null, '1') where $2::bigint > 0",
    "one partition": """
        select queen.push(array[$1::bigint], array[1, 2], array[$4], array[$4],
            array[$3::uuid], array[$4], '{}', '{1}')
        where $2::bigint > 0
    """,
    "two partitions": """
        select queen.push(array[$1::bigint, $2::bigint], array[1, 2, 3],
            array[$4, ''], array[$4, repeat('x', 99)],
            array[$3::uuid, gen_random_uuid()], array[$4, 'beside-' || $3::text], '{}', '{1,1}')
    """,
}
# What shares a place in the index, with its keys: 4 pairs of so many share the 32 bits of their own, too.
IDS = """
    select id, queen.transaction_key(id, $1)
    from (select '0198c3b2-1a' || lpad(n::text, 25, '0') as id from generate_series(1, 200000) n) ids
"""
PARTITIONS = "select n, queen.transaction_key('order-1', n) from generate_series(3, 200000) n"
BEHIND = 1_000_000
SEEN = "update queen.partitions set highest_id = repeat('x', 99)"  # so every id is looked up
MADE = """
    insert into queen.partitions (id, queue_id, name) overriding system value
    select made, q.id, made::text from queen.queues q, unnest($1::bigint[]) made
"""
POSITION = """
    select c.position from queen.cursors c join queen.consumer_groups g on g.id = c.group_id
    where c.partition_id = $1 and g.name = $2
"""
STORED, PUSHED = 60_000, 600
INDEX_PAGES = "select pg_relation_size('queen.messages_transaction') / 8192"
MILLISECOND_NS = 1_000_000
BEGIN_MS = 0x19AC_0000_0000  # where 256 ms begin


async def number(queue: Queue, statement: str, *values: object) -> int:
    [(found,)] = await queue.sql(statement, *values)
    assert isinstance(found, int)
    return found


async def keys(queue: Queue, ids: Sequence[str], partition: int = 1) -> list[int]:
    async with queue.pool.connection(soon()) as connection:
        return list(await connection.fetchval(KEYS, list(ids), partition))


async def a_partition(queue: Queue, name: str = "p") -> int:
    made = "select partition_id from queen.ensure_partitions(array['q'], array[$1])"
    return await number(queue, made, name)


def places(found: Sequence[int]) -> set[int]:
    return {key >> 32 for key in found}


def uuid7s(count: int, over_ms: int) -> list[str]:
    """As many of each of these milliseconds."""
    clock = itertools.count(BEGIN_MS * MILLISECOND_NS, MILLISECOND_NS)
    numbering = Numbering(lambda: next(clock))
    return [name for _ in range(over_ms) for name in numbering.take(count)]


async def test_ids_that_count_stand_together_by_ten_thousand(queue: Queue) -> None:
    found = await keys(queue, [f"worker-3-{number}" for number in range(130_000, 160_000)])
    assert len(places(found)) == 3
    assert len(set(found)) == 30_000


async def test_uuids_of_the_same_time_stand_together(queue: Queue) -> None:
    found = await keys(queue, uuid7s(20, over_ms=512))
    assert len(places(found)) == 2
    assert len(set(found)) == 20 * 512


async def test_partitions_that_count_for_themselves_have_keys_of_their_own(queue: Queue) -> None:
    found = [key for partition in range(1, 500) for key in await keys(queue, ["order-1"], partition)]
    assert len(places(found)) == 1
    assert len(set(found)) == 499


@pytest.mark.parametrize("name", ["", "7", "é" * 18, "\U0001f41d" * 9, "x" * 36, "z" * 100_000])
async def test_any_text_has_a_key(queue: Queue, name: str) -> None:
    first, again = await keys(queue, [name, name])
    assert first == again
    partition, message = await a_partition(queue), uuid4()
    assert await queue.sql(ONE, partition, message, name) == [(None,)]
    assert await queue.sql(ONE, partition, uuid4(), name) == [(message,)]


async def equal(queue: Queue, statement: str, *values: object) -> list[Any]:
    """Two of what the statement gives, as (what, key), that share their key."""
    [(pair,), *_] = await queue.sql(
        f"select (array_agg(what))[1:2] from ({statement}) keys (what, key) group by key having count(*) > 1",
        *values,
    )
    assert isinstance(pair, list)
    assert len(set(pair)) == 2
    return pair


async def store(queue: Queue, push: str, partitions: Sequence[int], name: str) -> tuple[object, UUID]:
    """Push one message; returns what the push says of it, and its id."""
    message = uuid4()
    [(said,)] = await queue.sql(push, *partitions, message, name)
    return said, message


@pytest.mark.parametrize("push", PUSHES.values(), ids=PUSHES)
async def test_ids_that_share_a_key_are_told_apart(queue: Queue, push: str) -> None:
    partitions = [await a_partition(queue, "p"), await a_partition(queue, "q")]
    one, two = await equal(queue, IDS, partitions[0])
    await queue.sql(SEEN)
    stored = [await store(queue, push, partitions, name) for name in (one, two)]
    assert [said for said, _ in stored] == [None, None]
    for name, (_, message) in zip((one, two), stored, strict=True):
        said, _ = await store(queue, push, partitions, name)
        assert message in (said if isinstance(said, list) else [said])
    assert await found(queue, partitions[0], two) == (stored[1][1], 2, 2)


@pytest.mark.parametrize("push", PUSHES.values(), ids=PUSHES)
async def test_partitions_that_share_a_key_are_told_apart(queue: Queue, push: str) -> None:
    await a_partition(queue)
    one, two = await equal(queue, PARTITIONS)
    await queue.sql(MADE, [one, two, one + BEHIND, two + BEHIND])
    await queue.sql(SEEN)
    assert (await store(queue, push, [one, one + BEHIND], "order-1"))[0] is None
    assert (await store(queue, push, [two, two + BEHIND], "order-0"))[0] is None
    said, message = await store(queue, push, [two, two + BEHIND], "order-1")
    assert said is None
    said, _ = await store(queue, push, [two, two + BEHIND], "order-1")
    assert message in (said if isinstance(said, list) else [said])
    assert await found(queue, two, "order-1") == (message, 2, 2)


async def found(queue: Queue, partition: int, name: str) -> tuple[UUID, int, int]:
    """The id of a message, and how far an ack of it goes: by the whole rule, and by itself."""
    [(uuid,)] = await queue.sql("select uuid from queen.partitions where id = $1", partition)
    assert isinstance(uuid, UUID)
    detail = await PostgresReader(queue.pool).message(uuid, name, soon())
    assert detail is not None
    acked = AckItem(uuid, name, "completed", "", "")
    for group in ("by rule", "by itself"):
        await queue.store.register_group("q", group, "all", None, soon())
    await queue.acker.judge("by rule", [acked], soon())
    await queue.ack("by itself", [acked])
    by_rule, by_itself = [
        await number(queue, POSITION, partition, group) for group in ("by rule", "by itself")
    ]
    return detail.summary.id, by_rule, by_itself


@pytest.mark.parametrize("kind", ["counting", "uuid7"])
async def test_a_push_dirties_few_pages_of_a_large_index(queue: Queue, kind: str) -> None:
    # After a checkpoint the first change of a page writes the whole page to the log: so pages can be counted.
    # The payloads are larger than what the small messages left free: the table's own pages are new ones.
    partition = await a_partition(queue)
    await queue.sql(FILL, partition, STORED)
    index_pages = await number(queue, INDEX_PAGES)
    assert index_pages > 150

    async def dirtied(names: Sequence[str]) -> int:
        async with queue.pool.connection(soon()) as connection:
            await connection.execute("checkpoint")
            text = PUSH.format(partition=partition, names=",".join(f"'{name}'" for name in names))
            rows = await connection.fetch(text)
        [pages] = re.findall(r"WAL: .*fpi=(\d+)", "\n".join(row[0] for row in rows))
        return int(pages)

    together = [f"w-7-{number}" for number in range(PUSHED)] if kind == "counting" else uuid7s(60, over_ms=10)
    few, many = await dirtied(together), await dirtied([str(uuid4()) for _ in range(PUSHED)])
    assert few < index_pages / 4
    assert many > index_pages / 2
