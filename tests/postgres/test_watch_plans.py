"""The plan of the watch's question: the same index of each table whatever statistics say, and no more."""

import re
import time

import pytest

from queen.core.store import Place
from queen.core.watching import MOST_LINES
from queen.postgres import statements
from queen.postgres.connection import Connection

from .conftest import Queue, soon
from .test_plans import TRACK, explaining
from .test_watch import FILL

LINES = 100_000
SOON_S = 0.1  # the better of some tries; on an idle machine it is some 5 ms
SCAN = re.compile(r"((?:Seq|Bitmap \w+|Index|Index Only) Scan)(?: using (\w+))? on (\w+)")


async def places(queue: Queue, most: int) -> tuple[list[int], list[int | None]]:
    """Columns of a question: every group as a whole, then its partition."""
    rows = await queue.sql("select group_id, partition_id from queen.cursors order by 1 limit $1", most)
    groups = [int(str(group)) for group, _ in rows]
    return groups * 2, [None] * len(rows) + [int(str(partition)) for _, partition in rows]


@pytest.mark.parametrize("rows", [None, 0, 20_000], ids=["fresh", "analyzed empty", "analyzed full"])
async def test_a_question_uses_the_index_of_each_table_and_sorts_nothing(
    queue: Queue, rows: int | None
) -> None:
    await queue.sql(FILL, rows or 10)
    if rows is not None:
        await queue.sql("delete from queen.cursors" if rows == 0 else "select")
        await queue.sql("analyze")
    columns = await places(queue, 20)
    async with explaining(queue) as (connection, plans):
        for _ in range(8):
            await connection.fetch(statements.FIND_DUE, *columns, 2_000.0)
    ours = [plan for plan in plans if "unnest" in plan]
    assert len(ours) == 8
    scans = {match.groups() for plan in ours for match in SCAN.finditer(plan) if match[3] != "found"}
    assert scans == {
        ("Index Only Scan", "cursors_available", "cursors"),
        ("Index Scan", "cursors_pkey", "cursors"),
        ("Index Scan", "consumer_groups_pkey", "consumer_groups"),
    }
    assert not [plan for plan in ours if re.search(r"\bSort\b|Hash Join|Merge Join", plan)]


async def test_it_is_planned_once(queue: Queue) -> None:
    await queue.sql(FILL, 100)
    columns = await places(queue, 100)
    async with queue.pool.connection(soon()) as connection:
        await connection.execute("create extension if not exists pg_stat_statements")
        await connection.execute(TRACK)
        await connection.execute("select pg_stat_statements_reset()")
        for _ in range(20):
            await connection.fetch(statements.FIND_DUE, *columns, 2_000.0)
        rows = await connection.fetch(
            "select s.calls, s.plans from pg_stat_statements s join pg_database d on d.oid = s.dbid"
            " where d.datname = current_database() and not s.toplevel and s.query ~ 'unnest'"
        )
    assert [(row["calls"], row["plans"]) for row in rows] == [(20, 1)]


async def cursors_read(connection: Connection) -> int:
    """By this session, and not yet told the statistics of."""
    read = await connection.fetchval(
        "select idx_tup_fetch from pg_stat_xact_user_tables where relname = 'cursors'"
    )
    return int(read)


async def test_among_very_many_lines_a_question_reads_what_is_due_and_is_soon_answered(queue: Queue) -> None:
    # Where autovacuum has been by, the index alone tells, and no cursor is read.
    await queue.sql("alter table queen.cursors set (autovacuum_enabled = off)")
    await queue.sql(FILL, LINES)
    await queue.sql("update queen.cursors set available_at = now() where group_id % 100 = 0")
    groups = [int(str(group)) for (group,) in await queue.sql("select id from queen.consumer_groups")]
    some = [Place(group, None) for group in groups[-MOST_LINES:]]
    took_s = []
    for _ in range(5):
        started_s = time.perf_counter()
        assert len(await queue.store.find_due(some, 2_000, soon())) == MOST_LINES // 100
        took_s.append(time.perf_counter() - started_s)
    assert min(took_s) < SOON_S
    async with queue.pool.connection(soon()) as connection, connection.transaction():
        columns = [place.group_id for place in some], [None] * MOST_LINES
        before = await cursors_read(connection)
        await connection.fetch(statements.FIND_DUE, *columns, 2_000.0)
        assert await cursors_read(connection) - before == MOST_LINES // 100
