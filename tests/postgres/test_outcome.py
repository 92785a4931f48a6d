"""What a database failure means: not done, or unknown. Real failures of a real server."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from queen.core.deadline import Deadline
from queen.core.push import Stored
from queen.core.store import NewMessage, PartitionName
from queen.errors import (
    BadRequest,
    DatabaseUnavailable,
    DataRefused,
    NotDone,
    OutcomeUnknown,
    StatementFailed,
)
from queen.local.database import Database
from queen.postgres.outcome import Retryable, classify, executing
from queen.settings import PushStrategy
from tests.databases import WAIT_FOR_A_LOCK, connected
from tests.messages import new_message
from tests.waiting import until

from .conftest import Queue, open_queue, settings_for, soon

BLOCKER = "lock table queen.messages in access exclusive mode"


def item(name: str) -> NewMessage:
    return new_message(PartitionName("q", "p"), "1", name)


async def blocked_push(
    queue: Queue, strategy: PushStrategy, items: Sequence[NewMessage]
) -> asyncio.Task[Stored]:
    """A push that waits in the database for a lock."""
    pushing = asyncio.create_task(queue.pushers[strategy].push(items, soon()))
    await until(lambda: queue.sql(WAIT_FOR_A_LOCK))
    return pushing


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (PushStrategy.COALESCE, OutcomeUnknown),
        (PushStrategy.BATCH, OutcomeUnknown),
        (PushStrategy.SEQUENTIAL, DatabaseUnavailable),
    ],
)
async def test_a_backend_that_dies_under_a_push(
    database: Database, strategy: PushStrategy, expected: type[Exception]
) -> None:
    """A single statement may have committed; inside a transaction that was not committed nothing has."""
    async with open_queue(settings_for(database)) as queue:
        await queue.pushers[strategy].push([item("before")], soon())
        async with connected(database) as other, other.transaction():
            await other.execute(BLOCKER)
            pushing = await blocked_push(queue, strategy, [item("a"), item("b")])
            await other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'"
                " and datname = current_database()"
            )
            with pytest.raises(expected):
                await pushing
        # The same ids again: whatever had become of them, each is there once now.
        await queue.pushers[strategy].push([item("a"), item("b")], soon())
        assert await queue.sql("select count(*) from queen.messages") == [(3,)]


async def test_time_that_runs_out_in_the_database_is_unknown(database: Database) -> None:
    async with open_queue(settings_for(database)) as queue:
        pusher = queue.pushers[PushStrategy.BATCH]
        await pusher.push([item("before")], soon())
        async with connected(database) as other, other.transaction():
            await other.execute(BLOCKER)
            with pytest.raises(OutcomeUnknown, match="statement timed out") as raised:
                # Long enough to be there also where the machine pauses on the way.
                await pusher.push([item("a")], Deadline.after_ms(1_500))
        assert raised.value.code == "outcome_unknown"


async def test_a_refused_statement_is_not_done(database: Database) -> None:
    async with open_queue(settings_for(database)) as queue:
        await queue.sql("drop function queen.push_one")
        with pytest.raises(StatementFailed, match="the database refused the statement"):
            await queue.pushers[PushStrategy.BATCH].push([item("a")], soon())


@pytest.mark.parametrize(
    ("state", "commits", "expected"),
    [
        ("40P01", True, Retryable),
        ("40001", True, Retryable),
        ("53100", True, StatementFailed),  # disk full
        ("53300", True, StatementFailed),  # too many connections
        ("53200", True, StatementFailed),  # out of memory
        ("25006", True, StatementFailed),  # read-only
        ("55P03", True, StatementFailed),  # a lock was not had in time
        ("57014", True, StatementFailed),  # cancelled
        ("XX000", True, StatementFailed),  # internal error
        ("22P02", True, BadRequest),
        ("23505", True, DataRefused),  # unique violation
        ("54000", True, DataRefused),  # program limit exceeded
        ("57P01", True, OutcomeUnknown),  # terminated under the statement
        ("08006", True, OutcomeUnknown),
        ("08006", False, DatabaseUnavailable),
    ],
)
def test_each_class_of_error_has_one_meaning(state: str, commits: bool, expected: type[Exception]) -> None:
    error = asyncpg.PostgresError.new({"C": state, "M": "said\nmore"})
    meant = classify(error, commits=commits)
    assert type(meant) is expected
    assert "\n" not in str(meant)
    assert isinstance(meant, NotDone | OutcomeUnknown | Retryable | BadRequest)


def test_what_asyncpg_says_of_a_session_that_was_ended_just_now_is_a_failure_of_the_database() -> None:
    said = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    with pytest.raises(OutcomeUnknown), executing():
        raise said
    with pytest.raises(DatabaseUnavailable), executing(commits=False):
        raise said
