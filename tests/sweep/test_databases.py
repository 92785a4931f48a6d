"""Databases of the trials on real PostgreSQL: fresh, dropped, never anybody else's."""

import asyncio
from dataclasses import replace
from typing import cast

import asyncpg
import pytest

from loadtests.sweep.activity import read_activity
from loadtests.sweep.databases import TrialDatabases, connect, round_trip_ms
from queen.errors import UserError
from queen.local.database import Database
from queen.local.open_database import Connection, close
from queen.postgres.notify import APPLICATION_NAME

NAME = "queen_trial_test_001"


async def names(database: Database) -> set[str]:
    connection = await connect(database)
    try:
        return {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
    finally:
        await connection.close()


async def test_a_database_lives_as_long_as_its_trial(each_database: Database) -> None:
    async with TrialDatabases.open(each_database, largest_pool=5) as databases:
        async with databases.fresh(NAME, synchronous_commit="off") as fresh:
            connection = await connect(fresh)  # still open when it is dropped
            assert await connection.fetchval("SHOW synchronous_commit") == "off"
            assert await round_trip_ms(fresh) > 0
            await databases.checkpoint()
        connection.terminate()
    assert NAME not in await names(each_database)


async def test_what_a_killed_sweep_left_is_replaced(each_database: Database) -> None:
    connection = await connect(each_database)
    await connection.execute(f"CREATE DATABASE {NAME}")
    await connection.close()
    async with TrialDatabases.open(each_database, largest_pool=5) as databases, databases.fresh(NAME):
        assert NAME in await names(each_database)
    assert NAME not in await names(each_database)


class InterruptedTooLate:
    """A connection whose user is cancelled when the database that he asked for is there already."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, statement: str) -> None:
        await self._connection.execute(statement)
        if statement.startswith("CREATE DATABASE"):
            raise asyncio.CancelledError


async def test_an_interruption_while_it_is_made_leaves_none(each_database: Database) -> None:
    connection = await connect(each_database)
    databases = TrialDatabases(each_database, cast(Connection, InterruptedTooLate(connection)))
    with pytest.raises(asyncio.CancelledError):
        async with databases.fresh(NAME):
            pytest.fail("it was interrupted before")
    assert NAME not in await names(each_database)
    await connection.close()


async def test_other_names_are_never_touched(each_database: Database) -> None:
    async with TrialDatabases.open(each_database, largest_pool=5) as databases:
        for name in (each_database.name, "queen_trial_'; DROP", 'queen_trial_"x'):
            with pytest.raises(ValueError, match="not the name of a trial's database"):
                async with databases.fresh(name):
                    pass


async def test_a_user_without_the_right_gets_one_line(each_database: Database) -> None:
    connection = await connect(each_database)
    role = f"plain_{each_database.name}"
    await connection.execute(f"CREATE ROLE {role} LOGIN")
    try:
        with pytest.raises(UserError, match=f"ALTER ROLE {role} CREATEDB"):
            async with TrialDatabases.open(replace(each_database, user=role), largest_pool=5):
                pass
    finally:
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()


async def test_a_pool_that_does_not_fit_gets_one_line(each_database: Database) -> None:
    with pytest.raises(UserError, match=r"a pool of 5000 needs 5008 connections, .* max_connections"):
        async with TrialDatabases.open(each_database, largest_pool=5000):
            pass
    with pytest.raises(UserError, match=r"a pool of 5000 needs 5010 connections"):
        async with TrialDatabases.open(each_database, largest_pool=5000, workers=3):
            pass


async def test_no_database_is_one_line(each_database: Database, unused_tcp_port: int) -> None:
    for wrong in (replace(each_database, port=unused_tcp_port), replace(each_database, name="nosuch")):
        with pytest.raises(UserError) as error:
            await connect(wrong)
        assert "\n" not in str(error.value)


async def test_settings_that_differ_from_postgresql_s_own(each_database: Database) -> None:
    async with TrialDatabases.open(each_database, largest_pool=5) as databases:
        settings = await databases.settings()
    assert settings["max_connections"] == "200"
    assert "work_mem" not in settings


async def test_activity_counts_the_trial_s_backends_by_what_they_do(each_database: Database) -> None:
    own, idle, locked, holder = [await connect(each_database) for _ in range(4)]
    await holder.execute("CREATE TABLE t (n int)")
    await holder.execute("BEGIN; LOCK TABLE t")
    waiting = asyncio.create_task(locked.execute("SELECT * FROM t"))
    async with asyncio.timeout(10):
        while True:
            activity = await read_activity(own, each_database.name)
            assert activity is not None
            if activity.wait_lock == 1:
                break
    assert (activity.active, activity.idle, activity.idle_in_transaction, activity.running) == (1, 1, 1, 0)
    assert activity.wal_bytes > 0
    await idle.execute(f"SET application_name = '{APPLICATION_NAME}'")
    without = await read_activity(own, each_database.name)
    assert without is not None
    assert without.idle == 0, "a connection for wake-ups is not one of the pool's"
    await holder.execute("ROLLBACK")
    await waiting
    for connection in (idle, locked, holder, own):
        await connection.close()
    assert await read_activity(own, each_database.name) is None


class DyingConnection:
    """A connection whose server dies while it is asked, and that cannot even be closed then."""

    def __init__(self, error: Exception) -> None:
        self.terminated = False
        self._error = error

    async def fetchrow(self, *_: object) -> None:
        raise self._error

    async def close(self, **_: float) -> None:
        raise self._error

    def terminate(self) -> None:
        self.terminated = True


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InterfaceError("connection is closed"),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_the_driver_says_when_its_server_dies_the_activity_is_not_known(
    error: Exception,
) -> None:
    dying = DyingConnection(error)
    connection = cast(Connection, dying)
    assert await read_activity(connection, "any") is None
    await close(connection)
    assert dying.terminated
