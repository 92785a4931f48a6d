"""PostgreSQL goes away under load, whole or session by session: 503 at once, and on when it is back."""

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.attempts import Attempt, attempts, in_time
from tests.conformance.client import Client, Queue
from tests.conftest import fresh_database
from tests.databases import connected
from tests.waiting import DEADLINE_S, until

from .audit import Verdict
from .consumer import POLL_MS
from .load import Load, running
from .records import Request
from .relay import lossy_relay
from .serving import Postgres, backends, environ, terminate
from .table import read_table

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECOVERED_WITHIN_S = 2.0
AT_ONCE_S = 1.0  # for a refusal: no request hangs while the database is gone
REFUSALS = 30  # 503s that are enough to judge them by


def queue_of(attempt: Attempt, queue: str) -> str:
    """The name of a queue that no other attempt uses."""
    return f"{queue}-{attempt.number}"


async def recovered(load: Load) -> float:
    """Seconds until a push is stored and a poll is answered again, from now.

    What a poll may find is another matter: a lease whose answer was lost must run out first.
    """
    since_s = asyncio.get_running_loop().time()

    def first_s(what: str) -> float | None:
        return min((each.ended_s for each in load.answered(what, since_s)), default=None)

    await until(lambda: first_s("push") is not None and first_s("pop") is not None)
    return max(first_s("push") or 0.0, first_s("pop") or 0.0) - since_s


def check_refusals(refusals: list[Request]) -> float:
    """Each says that it may be tried again; returns the longest time that one took, in seconds."""
    assert all(refusal.status == 503 for refusal in refusals), refusals
    assert all(refusal.retry_after == "1" for refusal in refusals), refusals
    assert {refusal.code for refusal in refusals} <= {"unavailable", "outcome_unknown", "pool_timeout"}
    waited_s = {"push": 0.0, "ack": 0.0, "pop": POLL_MS / 1000}  # as long as was asked for
    return max((refusal.took_s - waited_s[refusal.what] for refusal in refusals), default=0.0)


def check(load: Load, verdict: Verdict, recovered_s: float) -> None:
    """Nothing is lost; raises `TooLate` where a refusal or the recovery took longer than is promised."""
    slowest_s = check_refusals(load.failed())
    refused = f"{len(load.failed())} refused, the slowest after {slowest_s:.3f} s"
    print(f"recovered in {recovered_s:.3f} s; {refused}; {verdict}")
    assert not verdict.findings, str(verdict)
    in_time(slowest_s, AT_ONCE_S)
    in_time(recovered_s, RECOVERED_WITHIN_S)


@pytest.mark.parametrize(
    ("strategy", "end"),
    [(PushStrategy.BATCH, Postgres.shut_down_at_once), (PushStrategy.COALESCE, Postgres.crash)],
    ids=["batch-shutdown", "coalesce-crash"],
)
async def test_a_restart_of_postgresql_loses_nothing(
    server: QueenServer,
    database: Database,
    postgres: Postgres,
    queue: str,
    end: Callable[[Postgres], Awaitable[None]],
) -> None:
    """An immediate shutdown or a crash: while it is gone every request is refused at once."""
    for attempt in attempts():
        with attempt:
            async with running(queue_of(attempt, queue), lambda: server.url) as load:
                await load.progress()
                went_s = asyncio.get_running_loop().time()
                await end(postgres)
                await until(lambda: len(load.failed()) >= REFUSALS)
                await postgres.return_()
                recovered_s = await recovered(load)
                await load.progress()
                verdict = await load.drained(database)
            unanswered = [each for each in load.requests if each.sent_s >= went_s and each.status is None]
            slowest_s = check_refusals(load.failed())
            print(f"recovered in {recovered_s:.3f} s, slowest refusal {slowest_s:.3f} s; {verdict}")
            assert not unanswered
            assert not verdict.findings, str(verdict)
            in_time(slowest_s, AT_ONCE_S)
            in_time(recovered_s, RECOVERED_WITHIN_S)


async def test_a_killed_backend_takes_every_session_with_it_and_they_are_replaced(
    server: QueenServer, database: Database, queue: str
) -> None:
    """PostgreSQL ends all its sessions, and restarts itself, when one of its processes is killed."""
    for attempt in attempts():
        with attempt:
            async with running(queue_of(attempt, queue), lambda: server.url) as load:
                await load.progress()
                os.kill((await backends(database))[0], signal.SIGKILL)

                async def accepts() -> bool:
                    try:
                        async with connected(database):
                            return True
                    except (OSError, asyncpg.PostgresError):
                        return False

                await until(lambda: bool(load.failed()))
                await until(accepts)
                recovered_s = await recovered(load)
                await load.progress()
                verdict = await load.drained(database)
            check(load, verdict, recovered_s)


async def test_terminated_sessions_are_replaced(server: QueenServer, database: Database, queue: str) -> None:
    for attempt in attempts():
        with attempt:
            async with running(queue_of(attempt, queue), lambda: server.url) as load:
                await load.progress()
                ended = await backends(database)
                await terminate(database, ended)
                recovered_s = await recovered(load)
                await load.progress()
                assert not set(await backends(database)) & set(ended)
                verdict = await load.drained(database)
            check(load, verdict, recovered_s)


async def test_a_push_whose_commit_was_not_heard_of_is_a_duplicate_when_it_is_tried_again(
    postgres: Postgres, queue: str, tmp_path: Path
) -> None:
    """The answer of PostgreSQL to a server of one connection, alone on its database, is lost on its way."""
    async with (
        fresh_database(postgres.server) as database,
        lossy_relay(f"tcp://{database.host}:{database.port}") as relay,
    ):
        variables = {
            **environ(database, PushStrategy.BATCH),
            "PG_PORT": str(urlsplit(relay.url).port),
            "NUM_WORKERS": "1",
            "DB_POOL_SIZE": "1",
        }
        async with QueenServer.start(variables, log=tmp_path / "server.log") as server:
            await server.child.says(re.compile(".*wakeups_listening"), deadline_s=DEADLINE_S)
            orders = Queue(Client.of(server.url), queue)
            await orders.push("a")  # from now on a push is one question and one answer
            relay.losing = 1
            answer = await orders.client.post("/api/v1/push", {"items": [orders.message("b")]})
            assert (answer.status, answer.json["code"]) == (503, "outcome_unknown"), answer
            table = await read_table(database, queue)
            assert [message.transaction_id for message in table.messages] == ["a", "b"]
            [again] = await orders.push("b")
            assert again.status == "duplicate"
