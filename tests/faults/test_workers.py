"""kill -9 of workers and of their supervisor: others or new ones go on, nothing is lost or reordered."""

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.attempts import attempts, in_time
from tests.waiting import until

from .load import running
from .serving import WORKERS, clients_by_worker, environ, worker_pids, workers_answering

pytestmark = pytest.mark.asyncio(loop_scope="session")

REPLACED_WITHIN_S = 1.0  # the supervisor starts another


async def replaced(server: QueenServer, killed: set[int]) -> tuple[float, float]:
    """Seconds until as many other processes are there as were killed, and until all workers answer."""
    clock = asyncio.get_running_loop().time
    began_s = clock()
    await until(lambda: len(worker_pids(server) - killed) == WORKERS)
    there_s = clock() - began_s

    async def all_answer() -> bool:
        return await workers_answering(server) == WORKERS

    await until(all_answer)
    return there_s, clock() - began_s


@pytest.mark.parametrize(
    ("strategy", "number"),
    [(PushStrategy.BATCH, 1), (PushStrategy.COALESCE, 1), (PushStrategy.BATCH, WORKERS)],
    ids=["batch-one", "coalesce-one", "batch-all"],
)
async def test_killed_workers_are_replaced_and_nothing_is_lost(
    server: QueenServer, database: Database, queue: str, number: int
) -> None:
    for attempt in attempts(3, made_good_by=1):  # one that ends again soon is started later each time
        with attempt:
            async with running(f"{queue}-{attempt.number}", lambda: server.url) as load:
                await load.progress()
                killed = set(sorted(worker_pids(server))[:number])
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)
                there_s, serves_s = await replaced(server, killed)
                await load.progress()
                verdict = await load.drained(database)
            print(f"replaced in {there_s:.3f} s, all serve in {serves_s:.3f} s; {verdict}")
            assert not verdict.findings, str(verdict)
            in_time(there_s, REPLACED_WITHIN_S)


async def test_clients_of_a_killed_first_worker_go_to_the_next_and_come_back(
    database: Database, queue: str, tmp_path: Path
) -> None:
    """WORKER_BALANCE=first: one worker has them all, and is killed each time."""
    variables = {**environ(database, PushStrategy.COALESCE), "WORKER_BALANCE": "first"}
    async with QueenServer.start(variables, log=tmp_path / "log") as server:

        async def one_serves_them() -> bool:
            return sorted(clients > 1 for clients in clients_by_worker(server).values()) == [False, True]

        async with running(queue, lambda: server.url) as load:
            await load.progress()
            for _ in range(2):
                clients = clients_by_worker(server)
                serving = max(clients, key=clients.__getitem__)
                os.kill(serving, signal.SIGKILL)
                await replaced(server, {serving})
                await load.progress()
                await until(one_serves_them)
            verdict = await load.drained(database)
    print(verdict)
    assert not verdict.findings, str(verdict)


async def test_a_new_server_goes_on_where_a_killed_supervisor_left_off(
    database: Database, queue: str, tmp_path: Path
) -> None:
    """The workers of the killed one drain, and the port is free."""
    variables = environ(database, PushStrategy.BATCH)
    async with QueenServer.start(variables, log=tmp_path / "first.log") as first:
        place = [first.url]
        async with running(queue, lambda: place[-1]) as load:
            await load.progress()
            workers = worker_pids(first)
            os.kill(first.pid, signal.SIGKILL)
            await until(lambda: not any(map(psutil.pid_exists, workers)))
            async with QueenServer.start(variables, log=tmp_path / "second.log") as second:
                place.append(second.url)
                await load.progress()
                verdict = await load.drained(database)
    print(verdict)
    assert not verdict.findings, str(verdict)
