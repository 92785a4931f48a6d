"""Plans are made once, not for each call: a planner that can see an array's length plans each call anew."""

from .conftest import Queue, soon

CALLS = 40
TRACK = "set pg_stat_statements.track = 'all'; set pg_stat_statements.track_planning = on"
PUSH = """
select count(*) from queen.push(
    array_fill($1::bigint, array[$2::integer]),
    (select array_agg(gen_random_uuid()) from generate_series(1, $2)),
    (select array_agg($3 || i) from generate_series(1, $2) i),
    array_fill(null::uuid, array[$2]),
    array_fill('1'::json, array[$2]))
"""


async def test_a_push_is_planned_a_few_times_and_not_for_each_length(queue: Queue) -> None:
    [(partition,)] = await queue.sql(
        "select partition_id from queen.ensure_partitions(array['orders'], array['p'])"
    )
    async with queue.pool.connection(soon()) as connection:
        await connection.execute("create extension if not exists pg_stat_statements")
        await connection.execute(TRACK)
        await connection.execute("select pg_stat_statements_reset()")
        for call in range(CALLS):
            await connection.fetchval(PUSH, partition, 1 + call % 20, f"{call}-")
        [(calls, plans)] = [
            tuple(row)
            for row in await connection.fetch(
                "select calls, plans from pg_stat_statements s join pg_database d on d.oid = s.dbid"
                " where d.datname = current_database() and s.query like '%with given as%' and not s.toplevel"
            )
        ]
        assert calls == CALLS
        # PostgreSQL tries five plans made for the values before it may keep one for all (plancache.c).
        assert plans <= 6
