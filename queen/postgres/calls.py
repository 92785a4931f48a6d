"""Calls of the database: a connection borrowed for one piece of work, again when others rolled it back."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from queen.core.deadline import Deadline
from queen.errors import StatementFailed
from queen.postgres.outcome import Retryable, executing
from queen.postgres.pool import Connection, Pool

_TRIES = 5  # of a statement that PostgreSQL rolled back for a deadlock or a serialization failure

Result = TypeVar("Result")


class Calls:
    """Calls over one pool. `commits` False: the statements change nothing, so a lost one is not done."""

    def __init__(self, pool: Pool, *, commits: bool = True) -> None:
        self._pool = pool
        self._commits = commits

    async def fetch(self, statement: str, deadline: Deadline, *values: object) -> list[asyncpg.Record]:
        """The rows of one statement. Raises what `queen.postgres.outcome` makes of a failure."""

        async def fetch(connection: Connection) -> list[asyncpg.Record]:
            with executing(commits=self._commits):
                return await connection.fetch(statement, *values, timeout=deadline.remaining_s())

        return await self.run(fetch, deadline)

    async def run(self, work: Callable[[Connection], Awaitable[Result]], deadline: Deadline) -> Result:
        """Borrow a connection and do the work on it, again if PostgreSQL rolled it back for others."""
        said = ""
        for _ in range(_TRIES):
            try:
                async with self._pool.connection(deadline) as connection:
                    return await work(connection)
            except Retryable as error:
                said = str(error)
        raise StatementFailed(f"rolled back {_TRIES} times: {said}")
