"""Calls of the database: a connection borrowed for one piece of work, again when others rolled it back."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from queen.core.deadline import Deadline
from queen.errors import StatementFailed
from queen.postgres.connection import Connection
from queen.postgres.outcome import Retryable, executing
from queen.postgres.pool import Pool
from queen.postgres.transactions import transaction

_TRIES = 5  # of a statement that PostgreSQL rolled back for a deadlock or a serialization failure

# Where PostgreSQL has a JIT compiler it compiles what looks expensive, and that takes longer than
# the work: a statement over all partitions looks expensive. Only for this transaction: no session state.
_BEGIN_LOOKING = "begin read only; set local jit = off"

Result = TypeVar("Result")


class Calls:
    """Calls over one pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fetch(self, statement: str, deadline: Deadline, *values: object) -> list[asyncpg.Record]:
        """The rows of one statement. Raises what `queen.postgres.outcome` makes of a failure."""

        async def fetch(connection: Connection) -> list[asyncpg.Record]:
            with executing():
                return await connection.fetch(statement, *values, timeout=deadline.remaining_s())

        return await self.run(fetch, deadline)

    async def look(self, statement: str, deadline: Deadline, *values: object) -> list[asyncpg.Record]:
        """The same for a statement that changes nothing: when it fails, nothing was done."""

        async def look(connection: Connection) -> list[asyncpg.Record]:
            async with transaction(connection, deadline, begin=_BEGIN_LOOKING, commits=False):
                with executing(commits=False):
                    return await connection.fetch(statement, *values, timeout=deadline.remaining_s())

        return await self.run(look, deadline)

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
