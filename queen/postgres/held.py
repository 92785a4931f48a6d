"""A store over one connection that is had beforehand, so that what shares a call can wait outside of it.

Each shared call has one of these, so the context managers are classes: generators would cost more than all
that is counted about the call.
"""

from contextlib import AbstractAsyncContextManager
from types import TracebackType

from queen.core.deadline import Deadline
from queen.core.store import Hold, Store
from queen.postgres.connection import Connection
from queen.postgres.pool import TunedPool
from queen.postgres.store import PostgresStore


class OneConnection(AbstractAsyncContextManager[Connection]):
    """A pool whose only connection is borrowed already, by one task, which uses it for one call at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def connection(self, _deadline: Deadline) -> AbstractAsyncContextManager[Connection]:
        """It, without waiting."""
        return self

    async def __aenter__(self) -> Connection:
        """Begin to use it."""
        return self._connection

    async def __aexit__(self, *_raised: object) -> None:
        """It stays borrowed."""


class HeldStore(AbstractAsyncContextManager[Store]):
    """A store over what is lent for the block."""

    def __init__(self, lent: AbstractAsyncContextManager[Connection]) -> None:
        self._lent = lent

    async def __aenter__(self) -> Store:
        """Wait for the connection. Raises what the pool raises."""
        return PostgresStore(OneConnection(await self._lent.__aenter__()))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Give the connection back."""
        return await self._lent.__aexit__(kind, raised, traceback)


def holding(pool: TunedPool) -> Hold:
    """Stores over a connection of that pool each."""
    return lambda deadline: HeldStore(pool.connection(deadline, for_riders=True))
