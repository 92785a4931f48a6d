"""What `queen load` does for the page, on a server and a database of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from loadtests import results
from loadtests.commands import load_target
from loadtests.commands.load_page import PageKeeper
from loadtests.commands.load_sampling import FULL_S, thin
from loadtests.commands.load_target import RestartableServer, open_target
from loadtests.commands.page_ceilings import PageCeilings
from loadtests.results import Cell, Ledger, LoadResult, ProducerLedger, RunFiles, Trial
from loadtests.runs.control import (
    Changed,
    ChangePool,
    MakeWay,
    NoRun,
    Noted,
    Refused,
    RunBegan,
    RunEnded,
    See,
    Seen,
)
from loadtests.sweep.http_client import KeptConnection
from loadtests.sweep.proc_tree import Usage
from loadtests.sweep.sampling import Look
from queen.errors import SettingsError
from queen.local.database import Database
from queen.local.process import ChildFailed
from queen.local.server import QueenServer
from tests.commands.test_page_ceilings import Judge
from tests.waiting import until

OWN_PID_IS_ENOUGH = 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RestartableServer]:
    scratch = tmp_path_factory.mktemp("scratch")
    async with open_target(None, {"DB_POOL_SIZE": "4"}, {}, scratch) as target:
        assert target.started is not None
        yield target.started


async def pool_of(server: RestartableServer) -> int:
    connection = KeptConnection(server.url, timeout_s=5.0)
    try:
        gauges = json.loads(await connection.get("/metrics/pool"))
    finally:
        await connection.close()
    return int(gauges["maxCount"])


@pytest.mark.asyncio(loop_scope="module")
async def test_the_server_comes_back_at_its_address_with_the_new_pool(server: RestartableServer) -> None:
    async with PageKeeper.open(server, OWN_PID_IS_ENOUGH) as keeper:
        url, pid = server.url, server.pid
        answer = await keeper.handle(ChangePool(7))
        assert isinstance(answer, Changed)
        assert (answer.facts.pool, answer.facts.settings["DB_POOL_SIZE"]) == (7, "7")
        assert (server.url, await pool_of(server)) == (url, 7)
        assert server.pid != pid


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("pool", [0, -3, 100_000])
async def test_a_pool_without_room_is_refused_and_changes_nothing(
    server: RestartableServer, pool: int
) -> None:
    async with PageKeeper.open(server, OWN_PID_IS_ENOUGH) as keeper:
        before, pid = await pool_of(server), server.pid
        answer = await keeper.handle(ChangePool(pool))
        assert isinstance(answer, Refused)
        assert f"1 to {server.most_pool} connections are possible" in answer.text
        assert (await pool_of(server), server.pid) == (before, pid)


async def test_a_pool_that_a_database_that_runs_has_no_room_for_is_refused(
    database: Database, tmp_path: Path
) -> None:
    with pytest.raises(
        SettingsError, match=r"^--pool \(DB_POOL_SIZE\) 5000: 1 to \d+ connections are possible"
    ):
        async with open_target(None, {"DB_POOL_SIZE": "5000"}, database.environ(), tmp_path):
            pass


class StartsNoPoolOfSix(QueenServer):
    """A launcher whose server ends at once with one of the settings."""

    @classmethod
    @asynccontextmanager
    async def start(cls, settings: Any, **options: Any) -> AsyncIterator[QueenServer]:
        if settings["DB_POOL_SIZE"] == "6":
            raise ChildFailed("queen serve ended with exit code 1: no such luck", "")
        async with QueenServer.start(settings, **options) as running:
            yield running


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_that_does_not_come_up_is_started_with_the_pool_it_had(
    server: RestartableServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_target, "QueenServer", StartsNoPoolOfSix)
    async with PageKeeper.open(server, OWN_PID_IS_ENOUGH) as keeper:
        before = server.facts.pool
        answer = await keeper.handle(ChangePool(6))
        assert isinstance(answer, Refused)
        assert answer.text.endswith(f"no such luck; the pool is {before} as before")
        assert await pool_of(server) == server.facts.pool == before


@pytest.mark.asyncio(loop_scope="module")
async def test_while_one_restart_is_on_a_second_and_a_run_are_refused(server: RestartableServer) -> None:
    async with PageKeeper.open(server, OWN_PID_IS_ENOUGH) as keeper:
        answers = await asyncio.gather(
            keeper.handle(ChangePool(5)), keeper.handle(ChangePool(6)), keeper.handle(RunBegan("x"))
        )
        assert isinstance(answers[0], Changed)
        assert list(answers[1:]) == [Refused("the server is being started anew")] * 2
        assert await pool_of(server) == 5


@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_sees_what_the_database_does(server: RestartableServer) -> None:
    async with PageKeeper.open(server, OWN_PID_IS_ENOUGH) as keeper:
        seen = await keeper.handle(See())
        assert isinstance(seen, Seen)
        assert (seen.url, seen.pool, seen.most_pool) == (server.url, server.facts.pool, server.most_pool)
        assert seen.database is not None
        assert seen.database.rows_inserted is not None


@pytest.mark.asyncio(loop_scope="module")
async def test_a_run_is_sampled_and_accounted_for_and_the_pool_stays_meanwhile(
    server: RestartableServer, tmp_path: Path
) -> None:
    run = RunFiles(tmp_path / "run")
    async with PageKeeper.open(server, OWN_PID_IS_ENOUGH) as keeper:
        assert await keeper.handle(RunBegan(str(run.root))) == Noted()
        assert await keeper.handle(ChangePool(9)) == Refused("a run is on: stop it first")
        await until(lambda: len(keeper.looks) >= 2)
        started_s = keeper.looks[0].at_s
        await push(server, "load-t1", ["t1-0-0", "t1-0-1"])
        await until(lambda: len(keeper.looks) >= 2 and keeper.looks[-1].at_s > started_s + 0.5)
        write_run(run, started_s)
        assert await keeper.handle(RunEnded("another")) == Refused("no such run is on")
        assert await keeper.handle(RunEnded(str(run.root))) == Noted()
        assert keeper.accounted == {run.root: False}  # two are stored, three were acknowledged
    trial = results.read(run.trial("001").trial, Trial)
    assert trial.accounting is not None
    assert (trial.accounting.stored, trial.accounting.lost) == (2, 1)
    assert trial.pool is not None
    assert trial.pool.acquires > 0
    assert run.trial("001").samples.read_text(encoding="utf-8").count("\n") > 3
    assert run.trial("001").server_log.exists()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_generators_ceiling_is_measured_after_a_run_and_never_when_one_is_on_or_about_to_begin(
    server: RestartableServer, tmp_path: Path
) -> None:
    judge = Judge()
    first, second = RunFiles(tmp_path / "first"), RunFiles(tmp_path / "second")
    async with PageKeeper.open(server, OWN_PID_IS_ENOUGH, PageCeilings(judge, tmp_path)) as keeper:
        assert await keeper.handle(RunBegan(str(first.root))) == Noted()
        write_run(first, 0.0)
        assert judge.begun == []
        await keeper.handle(RunEnded(str(first.root)))
        await until(lambda: judge.running == 1)
        assert await keeper.handle(MakeWay()) == Noted()
        assert judge.running == 0
        assert isinstance(await keeper.handle(ChangePool(5)), Changed)
        await asyncio.sleep(0)
        assert judge.running == 0  # a run is about to begin
        await keeper.handle(RunBegan(str(second.root)))
        write_run(second, 0.0)
        judge.may_end.set()
        await keeper.handle(RunEnded(str(second.root)))
        await until(lambda: judge.done == [first, second])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("told_of", [MakeWay(), RunBegan("of-whose-end-nobody-tells")])
async def test_a_ceiling_is_measured_once_a_run_that_was_waited_for_is_known_not_to_come(
    server: RestartableServer, tmp_path: Path, told_of: MakeWay | RunBegan
) -> None:
    judge = Judge()
    run = RunFiles(tmp_path / "run")
    async with PageKeeper.open(server, OWN_PID_IS_ENOUGH, PageCeilings(judge, tmp_path)) as keeper:
        await keeper.handle(RunBegan(str(run.root)))
        write_run(run, 0.0)
        await keeper.handle(RunEnded(str(run.root)))
        await until(lambda: judge.running == 1)
        assert await keeper.handle(told_of) == Noted()
        assert judge.running == 0
        judge.may_end.set()
        assert await keeper.handle(NoRun()) == Noted()
        await until(lambda: judge.done == [run])
        assert keeper.looks == []
        assert isinstance(await keeper.handle(ChangePool(5)), Changed), "no run is on"


async def push(server: RestartableServer, queue: str, ids: list[str]) -> None:
    items = [{"queue": queue, "partition": "p0", "transactionId": each, "payload": {}} for each in ids]
    connection = KeptConnection(server.url, timeout_s=5.0)
    await connection.post("/api/v1/push", json.dumps({"items": items}).encode())
    await connection.close()


def write_run(run: RunFiles, started_s: float) -> None:
    """As the load has left it: three messages were acknowledged."""
    load = LoadResult(
        started_at="x",
        started_monotonic_s=started_s,
        warmup_s=0,
        measured_s=0.5,
        users=1,
        requests_sent=1,
        requests_ok=1,
        requests_not_done=0,
        requests_unknown=0,
        messages_acknowledged=3,
        total_messages_acknowledged=3,
        service=None,
        response=None,
    )
    files = run.trial("001")
    files.root.mkdir(parents=True)
    trial = Trial(trial_id="001", part="load", block=0, order=0, cell=Cell(), started_at="x", load=load)
    results.write(files.trial, trial)
    producer = ProducerLedger(producer=0, partition="p0", acknowledged=((0, 2),))
    results.write(files.ledger, Ledger(run_tag="t1", queue="load-t1", producers=(producer,)))


def test_of_a_long_run_the_older_past_is_kept_once_a_second() -> None:
    usage = Usage(cpu_s=0, rss_bytes=0)
    looks = [
        Look(
            at_s=tenth / 10,
            pool=None,
            pool_at_s=tenth / 10,
            activity=None,
            server=None,
            generator=None,
            relay=None,
            postgres=usage if tenth % 2 else None,
            own_cpu_s=0,
            machine_busy_s=0,
        )
        for tenth in range(10 * int(FULL_S) + 600)
    ]
    last = looks[-1]
    done = thin(looks, 0)
    assert done == pytest.approx(60, abs=1)
    assert all(look.postgres is not None for look in looks[:done])
    assert len(looks) == pytest.approx(60 + 10 * FULL_S, abs=2)
    assert thin(looks, done) == done
    assert looks[-1] is last
    assert thin([], 0) == 0
