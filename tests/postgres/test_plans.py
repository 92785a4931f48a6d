"""Plans of a push: made once and not for each call, and the same whatever the statistics say.

A planner that can see an array's length plans each call anew; one that believes a fresh table to be small
reads the whole of it.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from queen.postgres import statements
from queen.postgres.connection import Connection

from .conftest import Queue, soon

CALLS = 40
TRACK = "set pg_stat_statements.track = 'all'; set pg_stat_statements.track_planning = on"
EXPLAIN = """
load 'auto_explain';
set auto_explain.log_min_duration = 0;
set auto_explain.log_nested_statements = on;
set auto_explain.log_level = info
"""
STATEMENTS = 5  # of a push: lock, look up, insert, move the heads, lower the cursors
SCANS = re.compile(
    r"((?:Seq|Bitmap \w+|Index|Index Only) Scan)(?: using (\w+))? on (partitions|messages|cursors)\b"
)
ITEMS = """
    (select array_agg(gen_random_uuid()) from generate_series(1, {0})),
    (select array_agg($4 || i) from generate_series(1, {0}) i),
    array_fill(null::uuid, array[{0}]),
    array_fill('1'::json, array[{0}])
"""
HIGHEST = "x" * 40  # as if it had come before: everything is looked up
TWO = f"""
select queen.push(
    array[$1::bigint, $2::bigint], array[1, 1 + $3::integer, 1 + 2 * $3::integer],
    array['', ''], array['{HIGHEST}', '{HIGHEST}'], {ITEMS.format("2 * $3")})
"""
SINGLE = f"""
select queen.push(
    array[$1::bigint], array[1, 1 + $3::integer], array[''], array['{HIGHEST}'],
    {ITEMS.format("$3")}), $2::bigint
"""
ONE = "select queen.push_one($1, gen_random_uuid(), $2, null, '1')"
PUSHES = pytest.mark.parametrize("push", [TWO, SINGLE], ids=["two partitions", "one partition"])


async def two_partitions(queue: Queue) -> list[object]:
    rows = await queue.sql(
        "select partition_id from queen.ensure_partitions(array['orders', 'orders'], array['p', 'q'])"
        " order by 1"
    )
    return [partition for (partition,) in rows]


@asynccontextmanager
async def explaining(queue: Queue) -> AsyncIterator[tuple[Connection, list[str]]]:
    """A connection, and the plans of our statements on it."""
    plans: list[str] = []
    async with queue.pool.connection(soon()) as connection:

        def told(_connection: object, message: object) -> None:
            if "queen." in str(message):
                plans.append(str(message))

        connection.add_log_listener(told)
        await connection.execute(EXPLAIN)
        try:
            yield connection, plans
        finally:
            connection.remove_log_listener(told)


@PUSHES
async def test_a_push_is_planned_a_few_times_and_not_for_each_length(queue: Queue, push: str) -> None:
    partitions = await two_partitions(queue)
    async with queue.pool.connection(soon()) as connection:
        await connection.execute("create extension if not exists pg_stat_statements")
        await connection.execute(TRACK)
        await connection.execute("select pg_stat_statements_reset()")
        for call in range(CALLS):
            await connection.fetchval(push, *partitions, 1 + call % 20, f"{call}-")
        rows = await connection.fetch(
            "select s.query, s.calls, s.plans from pg_stat_statements s join pg_database d on d.oid = s.dbid"
            " where d.datname = current_database() and not s.toplevel and s.calls > 0"
            " and s.query ~ 'queen.|given'"
        )
    assert [row["calls"] for row in rows] == [CALLS] * STATEMENTS
    # PostgreSQL tries five plans made for the values before it may keep one for all (plancache.c).
    assert [row["query"] for row in rows if row["plans"] > 6] == []


@pytest.mark.parametrize("rows", [None, 0, 2_000], ids=["fresh", "analyzed empty", "analyzed full"])
@PUSHES
async def test_a_push_uses_the_index_of_each_table(queue: Queue, push: str, rows: int | None) -> None:
    partitions = await two_partitions(queue)
    if rows:
        await queue.sql(push, *partitions, rows, "before-")
    if rows is not None:
        await queue.sql("analyze")
    async with explaining(queue) as (connection, plans):
        for call in range(8):
            await connection.fetchval(push, *partitions, 1 + call, f"{call}-")
            await connection.fetchval(push, *partitions, 2 + call, f"{call}-")
            await connection.fetchval(ONE, partitions[0], f"one-{call}")
            await connection.fetchval(ONE, partitions[0], f"one-{call}")
    found = {match.groups() for plan in plans for match in SCANS.finditer(plan)}
    assert found == {
        ("Index Scan", "partitions_pkey", "partitions"),
        ("Index Scan", "messages_transaction", "messages"),
        ("Index Scan", "cursors_pkey", "cursors"),
    }
    assert not [plan for plan in plans if re.search("Hash Join|Merge Join|WindowAgg", plan)]


async def test_a_message_is_found_by_its_key(queue: Queue) -> None:
    """For an ack by itself, for acks by the whole rule, and for whoever asks for it."""
    partition, other = await two_partitions(queue)
    await queue.sql(TWO, partition, other, 500, "m-")
    await queue.store.register_group("orders", "g", "all", None, soon())
    [(uuid,)] = await queue.sql("select uuid from queen.partitions where id = $1", partition)
    async with explaining(queue) as (connection, plans):
        for item in range(8):
            name = f"m-{item + 1}"
            await connection.fetch(statements.ACK_TOGETHER, ["g"], [uuid], [""], [1], [name])
            await connection.fetch(statements.ACK, "g", [uuid], [name], ["completed"], [""], [""])
            await connection.fetch(statements.FIND_MESSAGE, uuid, name)
    reading = [plan for plan in plans if "m.transaction_id =" in plan or "stored.transaction_id =" in plan]
    assert len(reading) == 3 * 8
    for plan in reading:
        assert re.search("(Index Scan using|Bitmap Index Scan on) messages_transaction", plan)
        assert "Seq Scan on messages" not in plan


async def test_the_key_is_worked_out_in_place(queue: Queue) -> None:
    """A function of SQL that is called for each row, where its text could stand, costs more than the rest."""
    partitions = await two_partitions(queue)
    async with explaining(queue) as (connection, plans):
        await connection.fetchval(TWO, *partitions, 10, "m-")
        await connection.fetchval(SINGLE, *partitions, 10, "n-")
        await connection.fetchval(ONE, partitions[0], "one")
    conditions = [
        line
        for plan in plans
        if "messages_transaction" in plan
        for line in plan.splitlines()
        if line.strip().startswith("Index Cond: ") and "hashtext" in line
    ]
    assert len(conditions) == 3
    assert not [line for line in conditions if "transaction_key" in line]
    filters = [line for plan in plans for line in plan.splitlines() if "comes_after" in line]
    assert not [line for line in filters if "Filter" in line]
