"""Migrations: once, in order, together, and never into a database that is not understood."""

import asyncio

import pytest

from queen.errors import UserError
from queen.local.database import Database
from queen.observe.pool import PoolGauges
from queen.postgres.migrate import migrate, migrations
from queen.postgres.pool import Pool, open_pool
from tests.conftest import TemplateOf, empty

from .conftest import settings_for, soon


@pytest.fixture
def template_of() -> TemplateOf:
    """In place of the room's."""
    return empty


async def migrate_by(pool: Pool) -> int:
    async with pool.connection(soon()) as connection:
        return await migrate(connection)


def test_they_are_numbered_without_gaps() -> None:
    assert [migration.version for migration in migrations()] == list(range(1, len(migrations()) + 1))


async def test_each_is_applied_once_however_many_servers_start(each_database: Database) -> None:
    async with open_pool(settings_for(each_database), PoolGauges(20)) as pool:
        applied = await asyncio.gather(*(migrate_by(pool) for _ in range(5)))
    assert sorted(applied) == [0, 0, 0, 0, len(migrations())]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("insert into queen.migrations values (999, 'future', 'x')", "a newer queen has used it"),
        ("update queen.migrations set checksum = 'x' where version = 1", "differs from this version's"),
    ],
)
async def test_a_database_that_is_not_understood_is_refused(
    database: Database, change: str, said: str
) -> None:
    async with open_pool(settings_for(database), PoolGauges(20)) as pool:
        await migrate_by(pool)
        async with pool.connection(soon()) as connection:
            await connection.execute(change)
        with pytest.raises(UserError, match=said):
            await migrate_by(pool)


async def test_deleting_a_queue_by_hand_deletes_everything_of_it(database: Database) -> None:
    async with open_pool(settings_for(database), PoolGauges(20)) as pool:
        await migrate_by(pool)
        async with pool.connection(soon()) as connection:
            await connection.execute("select queen.ensure_partitions(array['a', 'b'], array['p', 'p'])")
            await connection.execute(
                "select queen.push_one(id, gen_random_uuid(), 'x', null, '1') from queen.partitions"
            )
            await connection.execute("delete from queen.queues where name = 'a'")
            left = await connection.fetch(
                "select q.name, count(*) from queen.messages m join queen.queues q on q.id = m.queue_id"
                " group by q.name"
            )
            assert [tuple(row) for row in left] == [("b", 1)]
            assert await connection.fetchval("select count(*) from queen.messages") == 1


async def test_the_guides_query_counts_what_was_inserted_lately(database: Database) -> None:
    async with open_pool(settings_for(database), PoolGauges(20)) as pool:
        await migrate_by(pool)
        async with pool.connection(soon()) as connection:
            await connection.execute("select queen.ensure_partitions(array['a'], array['p'])")
            for name in ("x", "y"):
                await connection.execute(
                    "select queen.push_one(id, gen_random_uuid(), $1, null, '1') from queen.partitions", name
                )
            await connection.execute(
                "update queen.messages set created_at = now() - interval '2 minutes' where position = 1"
            )
            assert (
                await connection.fetchval(
                    "select count(*) from queen.messages where created_at > now() - interval '1 minute'"
                )
                == 1
            )
            statuses = await connection.fetch("select status from queen.message_status order by position")
            assert [row["status"] for row in statuses] == ["pending", "pending"]
