"""A store over one connection that is had beforehand, so that what shares a call can wait outside of it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from queen.core.deadline import Deadline
from queen.core.store import Hold, Store
from queen.postgres.pool import Connection, TunedPool
from queen.postgres.store import PostgresStore


class OneConnection:
    """A pool whose only connection is borrowed already, by one task, which uses it for one call at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def connection(self, _deadline: Deadline) -> AbstractAsyncContextManager[Connection]:
        """It, without waiting."""
        return nullcontext(self._connection)


def holding(pool: TunedPool) -> Hold:
    """Stores over a connection of that pool each."""

    @asynccontextmanager
    async def hold(deadline: Deadline) -> AsyncIterator[Store]:
        async with pool.connection(deadline, for_riders=True) as connection:
            yield PostgresStore(OneConnection(connection))

    return hold
