"""What `queen load` leaves in a database of the user's own is said, with the statement that removes it."""

import asyncio
from pathlib import Path

from queen.local.database import Database
from tests.databases import connected

from .test_load import DEADLINE_S, queen_load

WORDS = ("high", "--users", "2", "--headless", "--run-time", "1s")


async def what_a_load_says(database: Database, directory: Path) -> str:
    """The line about what it left."""
    directory.mkdir()
    with queen_load(*WORDS, "--", "--warm-up", "0", cwd=directory, **database.environ()) as process:
        _, said = await asyncio.to_thread(process.communicate, timeout=DEADLINE_S)
    assert process.returncode == 0, said
    (line,) = [line for line in said.splitlines() if line.startswith("queen: left in database ")]
    assert f"{database.name} at {database.host}:{database.port}: " in line
    return line


async def test_what_stays_is_said_and_the_statement_removes_it(tmp_path: Path, database: Database) -> None:
    said = await what_a_load_says(database, tmp_path / "first")
    assert "the schema queen with all messages; " in said
    said = await what_a_load_says(database, tmp_path / "second")
    async with connected(database) as connection:
        names = [row["name"] for row in await connection.fetch("select name from queen.queues")]
        assert len(names) == 2
        _, _, removal = said.partition("to remove them: ")
        await connection.execute(removal)
        left = [row["name"] for row in await connection.fetch("select name from queen.queues")]
        assert len(left) == 1
        assert f"the messages of {(set(names) - set(left)).pop()}; " in said, (
            "of the load before nothing is removed"
        )
        assert await connection.fetchval("select count(*) from queen.messages") > 0
        await connection.execute("drop schema queen cascade")
