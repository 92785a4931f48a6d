"""Ids that come after all that their partition has seen are not looked up, and no duplicate gets by."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import accumulate, count
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queen.core.store import NewMessage, PartitionName
from queen.local.database import Database
from queen.postgres.connection import Connection
from tests.databases import WAIT_FOR_A_LOCK, connected
from tests.waiting import until

from .conftest import Queue, soon

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4) | st.sampled_from(
    ["x" * 128, "\U0001f41d" * 128, "y" * 129]
)
LONG = ["x" * 128, "é" * 128, "x" * 129, "y" * 129]
FEW_TEXTS = st.text("1aé\U0001f41d", max_size=3) | st.sampled_from(LONG)
PUSHES = st.lists(st.lists(st.tuples(st.integers(0, 2), FEW_TEXTS), min_size=1, max_size=6), max_size=8)
ORDER = "select array_agg(queen.comes_after(a, b)) from unnest($1::text[], $2::text[]) pair (a, b)"
STORED = """
    select p.name, p.highest_id, p.head, array_agg(m.transaction_id order by m.position)
    from queen.partitions p join queen.messages m on m.partition_id = p.id
    where p.id = any ($1) group by p.id
"""
ANALYZE = """
load 'auto_explain';
set auto_explain.log_min_duration = 0;
set auto_explain.log_analyze = on;
set auto_explain.log_nested_statements = on;
set auto_explain.log_level = info
"""
ONE = "select queen.push_one($1, $2, $3, null, '1')"
PROBES = re.compile(r"Index Scan using messages_transaction .*loops=(\d+)")
_numbers = count()


async def partitions_of(queue: Queue, number: int) -> dict[str, int]:
    queue_name, names = f"q{next(_numbers)}", [f"p{slot}" for slot in range(number)]
    rows = await queue.sql(
        "select partition, partition_id from queen.ensure_partitions($1, $2)", [queue_name] * number, names
    )
    return {str(name): int(str(partition)) for name, partition in rows}


def message(slot: int, name: str) -> NewMessage:
    return NewMessage(str(uuid4()), PartitionName("q", f"p{slot}"), name, None, b"1")


def order(name: str) -> tuple[int, str]:
    return len(name), name


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=50, max_size=200))
async def test_the_order_of_the_database_is_that_of_python(
    queue: Queue, pairs: list[tuple[str, str]]
) -> None:
    expected = [len(one) <= 128 and order(one) > order(other) for one, other in pairs]
    [(found,)] = await queue.sql(ORDER, [one for one, _ in pairs], [other for _, other in pairs])
    assert found == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(PUSHES, st.booleans())
async def test_each_id_is_stored_once_in_whatever_order_ids_come(
    queue: Queue, pushes: list[list[tuple[int, str]]], one_by_one: bool
) -> None:
    """By way of all that pushes: for several partitions, for one, and for one message."""
    ids = await partitions_of(queue, 3)
    stored: dict[tuple[int, str], str] = {}
    for pairs in pushes:
        for batch in [[pair] for pair in pairs] if one_by_one else [pairs]:
            messages = [message(slot, name) for slot, name in batch]
            said = await queue.store.push_batch(messages, [ids[f"p{slot}"] for slot, _ in batch], soon())
            expected = {}
            for index, pair in enumerate(batch):
                if pair in stored:
                    expected[index] = stored[pair]
                else:
                    stored[pair] = messages[index].id
            assert said == expected
    rows = await queue.sql(STORED, list(ids.values()))
    assert len(rows) == len({slot for slot, _ in stored})
    for partition, highest, head, names in rows:
        assert isinstance(names, list)
        assert sorted(names) == sorted(name for slot, name in stored if f"p{slot}" == partition)
        highest_of_all = max((name for name in names if len(name) <= 128), key=order, default="")
        assert (highest, head) == (highest_of_all, len(names))


@asynccontextmanager
async def counted_probes(queue: Queue) -> AsyncIterator[tuple[Connection, list[int]]]:
    """A connection, and how often each of our statements on it looks into the index of the duplicates."""
    probes: list[int] = []
    async with queue.pool.connection(soon()) as connection:

        def told(_connection: object, plan: object) -> None:
            probes.extend(int(loops) for loops in PROBES.findall(str(plan)))

        await connection.execute(ANALYZE)
        connection.add_log_listener(told)
        try:
            yield connection, probes
        finally:
            connection.remove_log_listener(told)
            await connection.execute("reset all")


async def looked_up(queue: Queue, ids: dict[str, int], pushed: Sequence[tuple[int, str]]) -> int:
    """How many of these, by their partitions, a push looks up."""
    names = [name for _, name in pushed]
    slots = sorted({slot for slot, _ in pushed})
    runs = [sorted((name for slot, name in pushed if slot == at), key=order) for at in slots]
    async with counted_probes(queue) as (connection, probes):
        existing = await connection.fetchval(
            "select queen.push($1, $2, $3, $4, $5, $6, '{}', $7)",
            [ids[f"p{slot}"] for slot in slots],
            list(accumulate(map(len, runs), initial=1)),
            [run[0] if len(run[-1]) <= 128 else "" for run in runs],
            [max((name for name in run if len(name) <= 128), key=order, default="") for run in runs],
            [str(uuid4()) for _ in names],
            names,
            [b"1"] * len(names),
        )
    assert existing is None
    return sum(probes)


@pytest.mark.parametrize("several", [False, True], ids=["one partition", "several"])
async def test_only_what_does_not_come_after_all_others_is_looked_up(queue: Queue, several: bool) -> None:
    ids = await partitions_of(queue, 2)
    beside = [(1, "z")] if several else []
    assert await looked_up(queue, ids, [(0, "w-0008"), (0, "w-0010"), *beside]) == 0
    assert await looked_up(queue, ids, [(0, "w-0011"), (0, "w-0013"), (0, "w-00011")]) == 0
    assert await looked_up(queue, ids, [(0, "w-00010"), (0, "w-00012"), (0, "w-0009"), (0, "w-00013")]) == 2
    assert await looked_up(queue, ids, [(0, "a"), *([(1, "zz"), (1, "b")] if several else [])]) == 1 + several
    assert await looked_up(queue, ids, [(0, "x" * 36)]) == 0
    assert await looked_up(queue, ids, [(0, "x" * 129), (0, "y" * 37)]) == 1
    assert await looked_up(queue, ids, [(0, "x" * 38)]) == 0


async def test_a_single_message_that_comes_after_all_others_is_not_looked_up(queue: Queue) -> None:
    ids = await partitions_of(queue, 1)
    async with counted_probes(queue) as (connection, probes):
        for name in ("w-1", "w-2", "w-10", "w-3", "w-11"):
            assert await connection.fetchval(ONE, ids["p0"], str(uuid4()), name) is None
    assert sum(probes) == 1


@pytest.mark.parametrize("slots", [1, 2])
async def test_a_push_without_the_highest_id_stores_nothing(queue: Queue, slots: int) -> None:
    ids = list((await partitions_of(queue, slots)).values())
    with pytest.raises(asyncpg.NotNullViolationError):
        await queue.sql(
            "select queen.push($1, $2, '{}', '{}', $3, $4, '{}', $5)",
            ids,
            list(range(1, slots + 2)),
            [str(uuid4()) for _ in ids],
            [f"w-{slot}" for slot in range(slots)],
            [b"1"] * slots,
        )
    assert await queue.sql("select from queen.messages where partition_id = any ($1)", ids) == []


async def test_where_a_lowest_id_is_missing_everything_is_looked_up(queue: Queue) -> None:
    ids = list((await partitions_of(queue, 2)).values())
    repeated = "select queen.push($1, '{1,2,3}', $2, '{w-1,w-1}', $3, '{w-1,w-1}', '{}', '{1,1}')"
    first = [str(uuid4()), str(uuid4())]
    assert await queue.sql(repeated, ids, [None, "w-1"], first) == [(None,)]
    [(existing,)] = await queue.sql(repeated, ids, ["w-1", None], [str(uuid4()), str(uuid4())])
    assert [str(there) for there in existing] == first  # type: ignore[attr-defined]


async def pushed(connection: Connection, way: str, ids: Sequence[int], name: str) -> object:
    """What a push of that message says: to one partition by itself or as one of many, or to two."""
    if way == "one":
        return await connection.fetchval(ONE, ids[0], str(uuid4()), name)
    used = ids[:1] if way == "one partition" else ids
    return await connection.fetchval(
        "select queen.push($1, $2, $3, $3, $4, $3, '{}', $5)",
        used,
        list(range(1, len(used) + 2)),
        [name for _ in used],
        [str(uuid4()) for _ in used],
        [b"1" for _ in used],
    )


@pytest.mark.parametrize("late", ["one", "one partition", "two partitions"])
@pytest.mark.parametrize("early", ["one", "one partition", "two partitions"])
async def test_the_highest_id_is_that_of_the_push_that_was_waited_for(
    queue: Queue, each_database: Database, early: str, late: str
) -> None:
    """The second push began before the first was committed, and must not go by what it could see then."""
    ids = sorted((await partitions_of(queue, 2)).values())
    async with queue.pool.connection(soon()) as first, queue.pool.connection(soon()) as second:
        for number in range(7):  # the sixth call is the first with a plan for all values
            await first.execute("begin")
            assert await pushed(first, early, ids, f"w-{number}") is None
            waiting = asyncio.create_task(pushed(second, late, ids, f"w-{number}"))
            async with connected(each_database) as other:
                await until(partial(_somebody_waits, other))
            await first.execute("commit")
            assert await waiting is not None
    assert await queue.sql(
        "select max(times) from (select count(*) as times from queen.messages"
        " group by partition_id, transaction_id) ids"
    ) == [(1,)]


async def _somebody_waits(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return bool(await connection.fetch(WAIT_FOR_A_LOCK))
