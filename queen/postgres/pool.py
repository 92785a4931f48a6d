"""The pool that is tuned: node-postgres' behaviour, by the guide's names, over asyncpg's pool.

- At most DB_POOL_SIZE connections; they are opened when needed and closed after DB_IDLE_TIMEOUT unused.
- First come, first served: a gate in front of asyncpg's pool hands out turns in the order of asking, so
  asyncpg itself never has to make anybody wait except for a connection being opened.
- From asking to having takes at most DB_CONNECTION_TIMEOUT, opening included; then `PoolTimeout`.
- asyncpg's reset query on release, a round trip each time, does not happen unless DB_POOL_RESET: no
  statement of ours leaves session state behind, and a test proves it.
- So a connection that did its work stays with us until it is wanted again, the last one first: giving it
  back to asyncpg costs a task and several rounds of the event loop, more than what Python does to send a
  statement. asyncpg gets back what must be looked after: a block that failed, and what is reset.

Every figure is kept here, around the acquire; asyncpg counts neither waiters nor waiting time.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Protocol

import asyncpg

from queen.core.deadline import Deadline
from queen.database_failures import DATABASE_FAILURES
from queen.errors import PoolTimeout
from queen.observe.pool import PoolGauges
from queen.postgres.arrays import use_flat_arrays
from queen.postgres.connection import Connection, is_lost
from queen.postgres.kept import Kept
from queen.postgres.outcome import connecting
from queen.postgres.turns import Turns
from queen.settings import Settings

# asyncpg's default of 50,000 statements would reopen a busy connection every few seconds.
_NEVER_RECYCLE = 2**62


class Pool(Protocol):
    """Whoever lends connections."""

    def connection(self, deadline: Deadline) -> AbstractAsyncContextManager[Connection]:
        """Borrow one for a block. Raises `PoolTimeout` and `DatabaseUnavailable`."""
        ...


class TunedPool:
    """Connections to one database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", settings: Settings, gauges: PoolGauges) -> None:
        self._pool = pool
        self._turns = Turns(settings.db_pool_size)
        self._timeout_ms = settings.db_connection_timeout
        self._gauges = gauges
        self._kept = Kept(settings.db_idle_timeout / 1000)
        self._keeps = not settings.db_pool_reset
        gauges.watch_total(pool.get_size)

    def connection(
        self, deadline: Deadline, *, for_riders: bool = False
    ) -> AbstractAsyncContextManager[Connection]:
        """Borrow a connection for a block.

        `for_riders`: for calls that wait by themselves and count their own time-outs (core/sharing.py).

        Raises `PoolTimeout` when none is had within DB_CONNECTION_TIMEOUT or the deadline, and
        `DatabaseUnavailable` when the database refuses to be connected to.
        """
        return _Loan(self, deadline, for_riders)

    async def close(self) -> None:
        """Close all connections; waits for those that are borrowed."""
        self._keeps = False
        for connection in self._kept.take_all():
            await self._pool.release(connection)
        await self._pool.close()

    async def borrow(self, deadline: Deadline, for_riders: bool) -> Connection:
        """`connection` without the block: `give_back` must follow."""
        asked_s = time.perf_counter()
        limit = deadline.within_ms(self._timeout_ms)
        try:
            await self._take_turn(limit)
            try:
                connection = self._kept.take() or await self._open(limit)
            except BaseException:
                self._turns.give_back()
                raise
        except TimeoutError:
            if not for_riders:
                self._gauges.timed_out()
            raise PoolTimeout from None
        self._gauges.acquired(time.perf_counter() - asked_s)
        return connection

    async def give_back(self, connection: Connection, had_s: float, done: bool) -> None:
        """End a loan that began at `had_s`. `done`: the work on it ended as it should.

        That the connection breaks now changes nothing about the work.
        """
        try:
            lost = is_lost(connection)
            self._gauges.lost += lost
            if done and self._keeps and not lost:
                self._kept.put(connection)
            else:
                await self._pool.release(connection)
        except DATABASE_FAILURES:  # of the reset query: asyncpg has closed the connection
            self._gauges.lost += 1
        finally:
            self._gauges.released(time.perf_counter() - had_s)
            self._turns.give_back()

    async def _take_turn(self, limit: Deadline) -> None:
        if not self._turns.take_now():
            with self._gauges.asking():
                await self._turns.take(limit.remaining_s())

    async def _open(self, limit: Deadline) -> Connection:
        with connecting():
            async with asyncio.timeout(limit.remaining_s()):
                return await self._pool.acquire()


class _Loan(AbstractAsyncContextManager[Connection]):
    """One connection for one block."""

    __slots__ = ("_connection", "_deadline", "_for_riders", "_had_s", "_pool")

    def __init__(self, pool: TunedPool, deadline: Deadline, for_riders: bool) -> None:
        self._pool = pool
        self._deadline = deadline
        self._for_riders = for_riders

    async def __aenter__(self) -> Connection:
        self._connection = await self._pool.borrow(self._deadline, self._for_riders)
        self._had_s = time.perf_counter()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.give_back(self._connection, self._had_s, kind is None)


def address(settings: Settings) -> dict[str, Any]:
    """What every connection to the server's database is opened with, as asyncpg names it."""
    return {
        "host": settings.pg_host,
        "port": settings.pg_port,
        "user": settings.pg_user,
        "password": settings.pg_password or None,
        "database": settings.pg_db,
    }


@asynccontextmanager
async def open_pool(settings: Settings, gauges: PoolGauges) -> AsyncIterator[TunedPool]:
    """A pool, which connects when it is first asked; on leaving, wait for borrowed connections and close."""
    pool = await asyncpg.create_pool(
        **address(settings),
        min_size=0,
        max_size=settings.db_pool_size,
        max_queries=_NEVER_RECYCLE,
        max_inactive_connection_lifetime=settings.db_idle_timeout / 1000,
        timeout=settings.db_connection_timeout / 1000,
        command_timeout=settings.db_statement_timeout / 1000,
        connect=gauges.counting(_connect),
        server_settings={"application_name": "queen"},
        reset=None if settings.db_pool_reset else _keep_session,
    )
    tuned = TunedPool(pool, settings, gauges)
    try:
        yield tuned
    finally:
        try:
            async with asyncio.timeout(settings.shutdown_grace / 1000 + 1):
                await tuned.close()
        except TimeoutError:
            pool.terminate()


async def _connect(*arguments: Any, **named: Any) -> "asyncpg.Connection[asyncpg.Record]":
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(*arguments, **named)
    use_flat_arrays(connection)
    return connection


async def _keep_session(_connection: object) -> None:
    """In place of asyncpg's reset query: there is nothing to reset."""
