"""What a database failure means. The only place that decides it.

A producer that gets an error must know whether its message may be there:

- **not done** (`NotDone`): no connection, connection refused, the statement refused or rolled back.
  A server that sends an error for a statement has rolled it back.
- **unknown** (`OutcomeUnknown`): the statement was sent and then the connection broke, the server shut
  down under it or the time ran out. It may have been committed.

And whoever shares a call must know whose fault it can be: what is in the data (`BadRequest`, `DataRefused`, a
partition that is gone) of one of them, all else (a full disk, a lock, no memory) nobody's.

Classes of SQLSTATE are those of PostgreSQL's documentation, appendix A.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType

import asyncpg

from queen.core.store import UnknownPartition
from queen.database_failures import DATABASE_FAILURES
from queen.errors import (
    BadRequest,
    DatabaseUnavailable,
    DataRefused,
    OutcomeUnknown,
    QueenError,
    StatementFailed,
)

# Raised by our own functions: what a caller knew was deleted meanwhile.
_GONE: dict[str, type[Exception]] = {"QN001": UnknownPartition}
_CONNECTION = ("08",)  # connection exceptions: asyncpg raises them for a connection that broke
_SHUTDOWN = ("57P01", "57P02", "57P03")  # admin shutdown, crash shutdown, cannot connect now
_BAD_VALUE = ("22",)  # data exceptions: the values, not the database, are wrong
_BAD_DATA = ("23", "54")  # integrity constraint violations, program limits: not with these rows, or so many
_RETRYABLE = ("40001", "40P01")  # serialization failure, deadlock: rolled back, the same may succeed


class Retryable(Exception):
    """Rolled back by a deadlock or a serialization failure: try again, a bounded number of times."""


@contextmanager
def connecting() -> Iterator[None]:
    """Around opening a connection: whatever goes wrong, nothing was done. TimeoutError passes."""
    try:
        yield
    except TimeoutError:
        raise
    except DATABASE_FAILURES as error:
        raise DatabaseUnavailable(f"database unavailable: {_said(error)}") from error


class executing(AbstractContextManager[None]):  # noqa: N801 - reads as what it is
    """Around a statement.

    `commits` False: it stands inside a transaction that it does not commit, so that a broken connection
    certainly rolls it back.
    """

    __slots__ = ("_commits",)

    def __init__(self, *, commits: bool = True) -> None:
        self._commits = commits

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if isinstance(error, DATABASE_FAILURES):
            raise classify(error, commits=self._commits) from error


def classify(error: BaseException, *, commits: bool) -> Exception:
    """The error to raise for what a statement raised."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        if state in _GONE:
            return _GONE[state]()
        if state in _RETRYABLE:
            return Retryable(_said(error))
        if state.startswith(_BAD_VALUE):
            return BadRequest(f"the database refused a value: {_said(error)}")
        if not state.startswith(_CONNECTION) and state not in _SHUTDOWN:
            kind = DataRefused if state.startswith(_BAD_DATA) else StatementFailed
            return kind(f"the database refused the statement: {_said(error)}")
    elif isinstance(error, asyncpg.InterfaceError):
        # asyncpg refuses to send on a connection that it knows to be closed.
        return DatabaseUnavailable(f"database connection lost: {_said(error)}")
    return _broken(error, commits)


def _broken(error: BaseException, commits: bool) -> QueenError:
    if commits:
        return OutcomeUnknown(f"no answer from the database, the outcome is unknown: {_said(error)}")
    return DatabaseUnavailable(f"database connection lost, rolled back: {_said(error)}")


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "statement timed out"
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
