"""SIGTERM: what is in flight is answered, what was answered is stored, and the end is good and in time."""

import asyncio
import signal
from pathlib import Path

import pytest

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.conformance.client import Client, Queue
from tests.databases import WAIT_FOR_A_LOCK, connected
from tests.waiting import until

from .load import running
from .serving import GRACE_S, environ, gauge
from .table import read_table

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE_S = 4.0  # for polls that would wait for a minute: not only when the grace of 5 s is over
LONG_MS = 60_000
LOCK = """
    select from queen.partitions p join queen.queues q on q.id = p.queue_id
    where q.name = $1 for update of p
"""


@pytest.mark.parametrize("strategy", [PushStrategy.BATCH, PushStrategy.COALESCE], ids=lambda each: each.value)
async def test_under_load_it_ends_in_time_and_another_goes_on(
    database: Database, strategy: PushStrategy, queue: str, tmp_path: Path
) -> None:
    variables = environ(database, strategy)
    clock = asyncio.get_running_loop().time
    async with QueenServer.start(variables, log=tmp_path / "first.log") as first:
        place = [first.url]
        async with running(queue, lambda: place[-1]) as load:
            await load.progress()
            asked_s = clock()
            first.child.send(signal.SIGTERM)
            async with asyncio.timeout(GRACE_S):
                exit_code = await first.child.wait()
            took_s = clock() - asked_s
            async with QueenServer.start(variables, log=tmp_path / "second.log") as second:
                place.append(second.url)
                await load.progress()
                verdict = await load.drained(database)
    print(f"ended in {took_s:.3f} s; {verdict}")
    assert exit_code == 0
    assert {each.code for each in load.failed()} <= {"shutting_down"}
    assert not verdict.findings, str(verdict)


async def test_what_is_in_flight_is_answered(database: Database, queue: str, tmp_path: Path) -> None:
    """A push that waits for a lock when the signal comes is stored; parked polls get nothing, and at once."""
    async with (
        connected(database) as blocker,
        connected(database) as observer,
        QueenServer.start(environ(database, PushStrategy.BATCH), log=tmp_path / "server.log") as server,
    ):
        orders = Queue(Client.of(server.url), queue)
        await orders.push("a")
        assert await orders.pop(autoAck=True)
        polls = [asyncio.create_task(orders.pop_answer(wait=True, timeout=LONG_MS)) for _ in range(3)]
        await until(lambda: gauge(server, "parkedPolls", 3))
        async with blocker.transaction():
            await blocker.fetch(LOCK, queue)
            push = asyncio.create_task(orders.push("b"))
            await until(lambda: observer.fetch(WAIT_FOR_A_LOCK))
            server.child.send(signal.SIGTERM)
            async with asyncio.timeout(AT_ONCE_S):
                answers = await asyncio.gather(*polls)
            assert not push.done()
        [pushed] = await push
        async with asyncio.timeout(GRACE_S):
            assert await server.child.wait() == 0
    assert [(answer.status, answer.raw) for answer in answers] == [(204, b"")] * 3
    assert pushed.status == "queued"
    table = await read_table(database, queue)
    assert [message.transaction_id for message in table.messages] == ["a", "b"]
