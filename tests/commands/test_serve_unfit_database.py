"""`queen serve` on a database that it cannot use: one line that says what to do, whatever is in the way."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from queen.local.cluster import SUPERUSER
from queen.local.database import Database
from queen.postgres.fitness import Fitness
from tests.commands.serving import CLEAN, serving
from tests.databases import connected
from tests.local.support import ask

from .test_load import queen_load


def refusal(database: Database, **environ: str) -> str:
    """What `queen serve` says when it refuses the database: its only line."""
    command = [sys.executable, "-m", "queen", "serve", "--port", "0"]
    given = {**CLEAN, **database.environ(), **environ}
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    (line,) = done.stderr.splitlines()
    return line


async def execute(database: Database, *statements: str) -> None:
    """Run statements, each by itself."""
    async with connected(database) as connection:
        for statement in statements:
            await connection.execute(statement)


@pytest.fixture
async def stranger(database: Database) -> AsyncIterator[Database]:
    """The same database for a role that may only connect to it."""
    role = f"stranger_{database.name}"
    await execute(database, f"create role {role} login")
    yield replace(database, user=role)
    await execute(database, f"drop owned by {role}", f"drop role {role}")


@asynccontextmanager
async def encoded(database: Database, encoding: str) -> AsyncIterator[Database]:
    """A database beside that one, in another encoding."""
    name = f"{database.name}_{encoding.lower()}"
    await execute(database, f"create database {name} encoding '{encoding}' template template0")
    try:
        yield replace(database, name=name)
    finally:
        await execute(database, f"drop database {name} with (force)")


async def test_a_role_that_may_not_create_is_told_the_grant_that_it_needs(stranger: Database) -> None:
    said = refusal(stranger)
    assert f"role {stranger.user} may not prepare database {stranger.name}" in said
    assert f"GRANT CREATE ON DATABASE {stranger.name} TO {stranger.user}" in said


async def test_with_that_grant_the_server_starts(tmp_path: Path, stranger: Database) -> None:
    owner = replace(stranger, user=SUPERUSER)
    await execute(owner, f"grant create on database {stranger.name} to {stranger.user}")
    with serving(tmp_path / "log", **stranger.environ()) as served:
        assert served.stop() == 0


async def test_of_several_workers_one_says_it(stranger: Database) -> None:
    assert "may not prepare database" in refusal(stranger, NUM_WORKERS="2")


async def test_a_role_of_which_the_schema_is_not_is_told_so(database: Database, stranger: Database) -> None:
    await execute(
        database, "create schema queen", f"grant create on database {database.name} to {stranger.user}"
    )
    assert "or start it as the role that owns schema queen" in refusal(stranger)


async def test_a_read_only_database_is_named_as_one(database: Database) -> None:
    await execute(database, f"alter database {database.name} set default_transaction_read_only = on")
    assert f"database {database.name} is read-only" in refusal(database)
    assert "default_transaction_read_only = off" in refusal(database)


async def test_a_schema_with_tables_of_somebody_else_is_left_alone(database: Database) -> None:
    await execute(database, "create schema queen", "create table queen.queues (id int)")
    said = refusal(database)
    assert f"schema queen of database {database.name} has a relation queues that is not ours" in said
    assert "use another database, or rename that schema" in said
    assert (
        await ask(database, "select count(*) from pg_class where relnamespace = 'queen'::regnamespace") == 1
    )


async def test_a_table_of_migrations_of_somebody_else_is_one_line_too(database: Database) -> None:
    await execute(database, "create schema queen", "create table queen.migrations (id int)")
    assert f"cannot prepare schema queen of database {database.name}: column" in refusal(database)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_an_encoding_that_cannot_hold_every_text_is_refused(database: Database, encoding: str) -> None:
    async with encoded(database, encoding) as other:
        said = refusal(other)
    assert f"database {other.name} is encoded in {encoding}, queen needs UTF8" in said
    assert "ENCODING 'UTF8' TEMPLATE template0" in said


async def test_a_load_quotes_it_and_names_no_log_that_is_gone(
    stranger: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stranger.environ().items():
        monkeypatch.setenv(name, value)
    with queen_load("high", "--headless", cwd=tmp_path) as process:
        _, said = await asyncio.to_thread(process.communicate, timeout=50)
    assert process.returncode == 1
    (line,) = said.splitlines()
    assert f"role {stranger.user} may not prepare database {stranger.name}" in line
    assert "log" not in line


@pytest.mark.parametrize(
    ("standby", "said"),
    [(True, "a standby: name its primary"), (False, "default_transaction_read_only = off")],
)
def test_a_standby_is_told_from_a_database_that_was_made_read_only(standby: bool, said: str) -> None:
    found = Fitness(
        database="d", role="r", encoding="UTF8", read_only=True, standby=standby, stranger=None
    ).complaint()
    assert found is not None and said in found
