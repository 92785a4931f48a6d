"""The pool that is tuned: node-postgres' behaviour, by the guide's names, over asyncpg's pool.

- At most DB_POOL_SIZE connections; they are opened when needed and closed after DB_IDLE_TIMEOUT unused.
- First come, first served: a gate in front of asyncpg's pool hands out turns in the order of asking, so
  asyncpg itself never has to make anybody wait except for a connection being opened.
- From asking to having takes at most DB_CONNECTION_TIMEOUT, opening included; then `PoolTimeout`.
- asyncpg's reset query on release, a round trip each time, is a no-op unless DB_POOL_RESET: no statement
  of ours leaves session state behind, and a test proves it.

Every figure is kept here, around the acquire; asyncpg counts neither waiters nor waiting time.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeAlias

import asyncpg

from queen.core.deadline import Deadline
from queen.errors import PoolTimeout
from queen.observe.pool import PoolGauges
from queen.postgres.outcome import DATABASE_FAILURES, connecting
from queen.settings import Settings

# asyncpg's default of 50,000 statements would reopen a busy connection every few seconds.
_NEVER_RECYCLE = 2**62

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


class Turns:
    """A counting gate, strictly first come first served."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._queue: deque[asyncio.Future[None]] = deque()

    async def take(self, timeout_s: float) -> None:
        """Wait for a turn. Raises TimeoutError; a turn that came too late goes to the next in line."""
        if self._free and not self._queue:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(timeout_s):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give_back()
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    def give_back(self) -> None:
        """End a turn: the first in line has it next."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


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
        gauges.watch_total(pool.get_size)

    @asynccontextmanager
    async def connection(self, deadline: Deadline, *, for_riders: bool = False) -> AsyncIterator[Connection]:
        """Borrow a connection.

        `for_riders`: for calls that wait by themselves and count their own time-outs (core/sharing.py).

        Raises `PoolTimeout` when none is had within DB_CONNECTION_TIMEOUT or the deadline, and
        `DatabaseUnavailable` when the database refuses to be connected to.
        """
        asked_s = time.perf_counter()
        limit = deadline.within_ms(self._timeout_ms)
        try:
            with self._gauges.asking():
                await self._turns.take(limit.remaining_s())
        except TimeoutError:
            raise self._too_late(for_riders) from None
        try:
            try:
                connection = await self._open(limit)
            except TimeoutError:
                raise self._too_late(for_riders) from None
            had_s = time.perf_counter()
            self._gauges.acquired(had_s - asked_s)
            try:
                yield connection
            finally:
                await self._release(connection, had_s)
        finally:
            self._turns.give_back()

    async def _release(self, connection: Connection, had_s: float) -> None:
        """Give a connection back; that it breaks now changes nothing about the work that was done on it."""
        try:
            if is_lost(connection):
                self._gauges.lost += 1
            await self._pool.release(connection)
        except DATABASE_FAILURES:  # of the reset query: asyncpg has closed the connection
            self._gauges.lost += 1
        finally:
            self._gauges.released(time.perf_counter() - had_s)

    async def _open(self, limit: Deadline) -> Connection:
        with connecting():
            async with asyncio.timeout(limit.remaining_s()):
                return await self._pool.acquire()

    def _too_late(self, for_riders: bool) -> PoolTimeout:
        if not for_riders:
            self._gauges.timed_out()
        return PoolTimeout()


def is_lost(connection: Connection) -> bool:
    """Whether a borrowed connection broke.

    asyncpg takes a broken one back at once, and then refuses even to say that it is closed.
    """
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


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
        connect=gauges.counting(asyncpg.connect),
        server_settings={"application_name": "queen"},
        reset=None if settings.db_pool_reset else _keep_session,
    )
    try:
        yield TunedPool(pool, settings, gauges)
    finally:
        try:
            async with asyncio.timeout(settings.shutdown_grace / 1000 + 1):
                await pool.close()
        except TimeoutError:
            pool.terminate()


async def _keep_session(_connection: object) -> None:
    """In place of asyncpg's reset query: there is nothing to reset."""
