"""Where a transaction id stands in the index of the duplicate look-up: beside those that come with it."""

import itertools
import re
from collections.abc import Sequence
from uuid import uuid4

import pytest

from queen.core.ids import Numbering

from .conftest import Queue, soon

KEYS = "select array_agg(queen.transaction_key(id, $2)) from unnest($1::text[]) id"
FILL = """
    select queen.push(array[$1::bigint], array[1, $2::integer + 1],
        (select array_agg(gen_random_uuid()) from generate_series(1, $2)),
        (select array_agg(gen_random_uuid()::text) from generate_series(1, $2)),
        '{}', array_fill('1'::json, array[$2]))
"""
PUSH = """
    explain (analyze, wal, costs off, timing off, summary off)
    select queen.push(array[{partition}], array[1, cardinality(ids.names) + 1],
        (select array_agg(gen_random_uuid()) from unnest(ids.names)), ids.names, '{{}}',
        array_fill(to_json(repeat('x', 300)), array[cardinality(ids.names)]))
    from (select array[{names}] as names offset 0) ids
"""
ONE = "select queen.push_one($1, $2, $3, null, '1')"
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


async def a_partition(queue: Queue) -> int:
    return await number(queue, "select partition_id from queen.ensure_partitions(array['q'], array['p'])")


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
