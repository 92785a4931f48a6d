"""The shared database fixtures do what tests/conftest.py says."""

import asyncpg

from queen.local.database import Database


async def connect(database: Database) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=database.host, port=database.port, user=database.user, database=database.name
    )


async def test_each_test_gets_a_database_of_its_own(database: Database) -> None:
    connection = await connect(database)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.execute("CREATE TABLE left_behind ()")
    await connection.close()
    assert tables == 0


async def test_the_next_test_does_not_see_what_the_last_one_left(database: Database) -> None:
    connection = await connect(database)
    assert await connection.fetchval("SELECT to_regclass('left_behind')") is None
    await connection.close()


async def test_integration_tests_run_on_both_versions(each_database: Database, postgres_version: int) -> None:
    connection = await connect(each_database)
    assert connection.get_server_version().major == postgres_version
    await connection.close()
