"""A transaction of several round trips on a borrowed connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from queen.core.deadline import Deadline
from queen.errors import QueenError
from queen.postgres.connection import Connection, is_lost
from queen.postgres.outcome import executing

_ROLLBACK_PATIENCE_S = 5.0  # beyond the deadline, if need be


@asynccontextmanager
async def transaction(
    connection: Connection, deadline: Deadline, *, begin: str = "begin", commits: bool = True
) -> AsyncIterator[None]:
    """BEGIN … COMMIT. Until COMMIT is sent a broken connection rolls everything back.

    A connection that may be left inside a transaction is closed: the pool resets nothing.
    `begin` may hold more than the word. `commits` False: nothing is changed, so nothing can be half known.
    """
    try:
        with executing(commits=False):
            await connection.execute(begin, timeout=deadline.remaining_s())
        yield
    except BaseException:
        await _roll_back(connection)
        raise
    try:
        with executing(commits=commits):
            await connection.execute("commit", timeout=deadline.remaining_s())
    except BaseException:
        _close(connection)
        raise


async def _roll_back(connection: Connection) -> None:
    """Roll back or close: either way nothing is applied, and the error that led here stays the one told."""
    if is_lost(connection):
        return
    try:
        with executing(commits=False):
            await connection.execute("rollback", timeout=_ROLLBACK_PATIENCE_S)
    except QueenError:
        _close(connection)
    except BaseException:
        _close(connection)
        raise


def _close(connection: Connection) -> None:
    if not is_lost(connection):
        connection.terminate()
