"""The shared database fixtures do what tests/conftest.py says."""

from queen.local.database import Database
from tests.databases import connected


async def test_each_test_gets_a_database_of_its_own(database: Database) -> None:
    async with connected(database) as connection:
        tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        await connection.execute("CREATE TABLE left_behind ()")
    assert tables == 0


async def test_the_next_test_does_not_see_what_the_last_one_left(database: Database) -> None:
    async with connected(database) as connection:
        assert await connection.fetchval("SELECT to_regclass('left_behind')") is None


async def test_integration_tests_run_on_both_versions(each_database: Database, postgres_version: int) -> None:
    async with connected(each_database) as connection:
        assert connection.get_server_version().major == postgres_version
