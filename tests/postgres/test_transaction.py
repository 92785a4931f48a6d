"""A transaction whose ROLLBACK fails, too: the connection is closed, and the first error is the one told."""

from typing import cast

import pytest

from queen.errors import DatabaseUnavailable
from queen.postgres.connection import Connection
from queen.postgres.outcome import executing
from queen.postgres.transactions import transaction

from .conftest import soon


class Hung:
    """A connection on which nothing is answered any more after BEGIN."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.closed = False

    async def execute(self, statement: str, timeout: float) -> None:  # noqa: ASYNC109 - asyncpg's signature
        self.said.append(statement)
        if statement != "begin":
            raise TimeoutError

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True


async def fail_inside(connection: Connection) -> None:
    async with transaction(connection, soon()):
        with executing(commits=False):
            raise OSError("first")


async def test_the_first_error_is_told_and_the_connection_goes() -> None:
    hung = Hung()
    with pytest.raises(DatabaseUnavailable, match="first"):
        await fail_inside(cast(Connection, hung))
    assert hung.said == ["begin", "rollback"]
    assert hung.closed


async def test_a_commit_without_an_answer_closes_the_connection() -> None:
    hung = Hung()
    with pytest.raises(Exception, match="the outcome is unknown: statement timed out"):
        async with transaction(cast(Connection, hung), soon()):
            pass
    assert hung.closed
