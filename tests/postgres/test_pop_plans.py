"""Plans of a pop: one for all calls, an index for each table, whatever statistics say; nothing is sorted."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from queen.postgres.connection import Connection

from .conftest import Queue, soon
from .test_plans import SCANS, TRACK, explaining

DEPTH = 6_000
FILL = """
insert into queen.messages (id, transaction_id, queue_id, partition_id, position, payload, created_at)
select gen_random_uuid(), 'm' || n, p.queue_id, p.id, n, '1', now()
from queen.partitions p, generate_series(1, $1) n
"""
POP = "select * from queen.pop($1, 'g', $2, $3, 1, $4, true)"
LEASE = "00000000-0000-4000-8000-000000000000"
CALLS = 40


async def filled(queue: Queue, analyzed: bool) -> tuple[int, int]:
    """Two full partitions, a group that reads them, statistics or none. Returns its id and a partition's."""
    if not analyzed:
        await queue.sql("alter table queen.messages set (autovacuum_enabled = off)")
    [(partition,), _] = await queue.sql(
        "select partition_id from queen.ensure_partitions(array['orders', 'orders'], array['p', 'q'])"
        " order by 1"
    )
    await queue.sql(FILL, DEPTH)
    await queue.sql("update queen.partitions set head = $1", DEPTH)
    group = await queue.store.register_group("orders", "g", "all", None, soon())
    if analyzed:
        await queue.sql("analyze")
    return group, int(str(partition))


async def course(call: Callable[..., Awaitable[Any]], group: int, partition: int, calls: int) -> None:
    """Pops of every kind and of every length, up to what there is, and some that find nothing."""
    for number in range(calls):
        await call(POP, group, None, 1 + number, None)
        await call(POP, group, partition, 1 + number, None)
        await call(POP, group, partition, 1 + number, LEASE)
        await call("update queen.cursors set lease_id = null, lease_expires_at = null, available_at = now()")
    await call(POP, group, None, DEPTH, None)
    await call(POP, group, None, DEPTH, None)
    await call(POP, group, None, DEPTH, None)
    await call(POP, group, partition, DEPTH, None)


@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
async def test_every_statement_of_a_pop_is_planned_once(queue: Queue, analyzed: bool) -> None:
    group, partition = await filled(queue, analyzed)
    async with queue.pool.connection(soon()) as connection:
        await connection.execute("create extension if not exists pg_stat_statements")
        await connection.execute(TRACK)
        await connection.execute("select pg_stat_statements_reset()")
        await course(connection.fetch, group, partition, CALLS)
        rows = await connection.fetch(
            "select s.query, s.calls, s.plans from pg_stat_statements s join pg_database d on d.oid = s.dbid"
            " where d.datname = current_database() and not s.toplevel and s.query ~ 'queen' and s.calls > 0"
        )
    assert sum(row["calls"] for row in rows if "string_agg" in row["query"]) == 3 * CALLS + 2
    assert [(row["query"], row["plans"]) for row in rows if row["plans"] > 1] == []


@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
async def test_a_pop_uses_the_index_of_each_table_and_sorts_nothing(queue: Queue, analyzed: bool) -> None:
    group, partition = await filled(queue, analyzed)
    async with explaining(queue) as (connection, plans):
        await course(connection.fetch, group, partition, 3)
    ours = [plan for plan in plans if not re.search("from queen.pop|set lease_id = null, lease_exp", plan)]
    assert {match.groups() for plan in ours for match in SCANS.finditer(plan)} == {
        ("Index Scan", "cursors_available", "cursors"),
        ("Index Only Scan", "cursors_available", "cursors"),
        ("Index Scan", "cursors_pkey", "cursors"),
        ("Index Scan", "partitions_pkey", "partitions"),
        ("Index Only Scan", "partitions_pkey", "partitions"),
        ("Index Scan", "messages_pkey", "messages"),
    }
    assert not [plan for plan in ours if re.search(r"\bSort\b|Hash Join|Merge Join", plan)]


async def read_so_far(connection: Connection) -> int:
    """Entries of the messages' index that this session has read and not yet told the statistics of."""
    read = await connection.fetchval(
        "select idx_tup_fetch from pg_stat_xact_user_tables where relname = 'messages'"
    )
    return int(read)


@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
@pytest.mark.parametrize("lease", [None, LEASE], ids=["auto-ack", "lease"])
async def test_a_pop_reads_its_batch_and_nothing_of_the_backlog(
    queue: Queue, analyzed: bool, lease: str | None
) -> None:
    group, _ = await filled(queue, analyzed)
    async with queue.pool.connection(soon()) as connection, connection.transaction():
        before = await read_so_far(connection)
        await connection.fetch(POP, group, None, 10, lease)
        assert await read_so_far(connection) - before == 10
