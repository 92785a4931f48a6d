"""`queen sweep` as a user runs it: real server, real PostgreSQL, real Locust, very short trials."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from loadtests.results import Manifest, RunFiles, Trial, read, read_trials
from loadtests.sweep import experiment_file
from loadtests.sweep.databases import connect
from loadtests.sweep.naming import DATABASE_PREFIX
from queen.local.database import Database
from queen.local.delay_line import GRAIN_S
from queen.local.postgres import PostgresServer
from queen.local.relay import OWN_DELAY_S
from reports.findings.cells import loans
from tests.attempts import TooLate, attempts, in_time
from tests.briefly import AS_ALWAYS, BRIEFLY
from tests.waiting import until

SHORT = ("--strategy", "batch", "--clients", "8", "--batch", "2", "--warmup", "0.1", "--measure", "0.4")
DEADLINE_S = 120


def sweep(
    *options: str, environ: dict[str, str] | None = None, module: str = BRIEFLY
) -> "subprocess.Popen[str]":
    """`queen sweep …`; where the generator's ceiling matters the `module` is AS_ALWAYS."""
    return subprocess.Popen(
        [sys.executable, "-m", module, "sweep", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environ or {})},
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=DEADLINE_S)
    return process.returncode, out, err


def the_run(results: Path) -> RunFiles:
    (root,) = results.iterdir()
    return RunFiles(root)


async def trial_databases(server: Database) -> list[str]:
    connection = await connect(server)
    try:
        rows = await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", DATABASE_PREFIX
        )
        return [row["datname"] for row in rows]
    finally:
        await connection.close()


async def test_a_sweep_leaves_whole_trials_and_nothing_else(tmp_path: Path, postgres: PostgresServer) -> None:
    for attempt in attempts(3, made_good_by=1):
        with attempt:
            await check_sweep(tmp_path / str(attempt.number), postgres)


async def check_sweep(results: Path, postgres: PostgresServer) -> None:
    pools = ("--pool", "1,4", "--rtt", "0,1", "--blocks", "1", "--results-dir", str(results))
    process = sweep(*SHORT, *pools, environ=dict(postgres.environ()), module=AS_ALWAYS)
    code, out, err = await asyncio.to_thread(finish, process)
    assert code == 0, err
    run = the_run(results)
    assert str(run.report) in out
    trials = list(read_trials(run))
    assert {(trial.cell.pool, trial.cell.db_rtt_ms) for trial in trials} == {(1, 0), (4, 0), (1, 1), (4, 1)}
    manifest = read(run.manifest, Manifest)
    source = manifest.versions.postgres_source
    assert (manifest.interrupted, manifest.blocks_done, source) == (False, 1, "PG_HOST")
    assert manifest.finished_at is not None
    assert manifest.generator_ceiling_msg_s["raw/batch=2"] > 0
    assert manifest.postgres_settings["max_connections"] == "200"
    assert experiment_file.read(run.experiment).part[0].pool == (1, 4)
    assert {path.name for path in run.root.iterdir() if path.is_dir()} - {"charts"} == {"trials"}
    assert await trial_databases(postgres.address()) == []
    for trial in trials:
        check_trial(trial, run)


def check_trial(trial: Trial, run: RunFiles) -> None:
    files = run.trial(trial.trial_id)
    assert trial.accounting is not None
    assert trial.accounting.holds
    if not trial.valid and not trial.load.messages_acknowledged:
        raise TooLate("the load was held up for all of the window")
    assert trial.accounting.acknowledged >= trial.load.messages_acknowledged > 0
    if trial.pool is None:
        raise TooLate("the sampler was held up, so that the pool was not seen for nearly all of the window")
    assert 0 < trial.pool.busy_mean <= (trial.cell.pool or 0) + 0.01
    assert trial.machine is not None
    assert trial.machine.db_rtt_measured_ms is not None
    assert trial.machine.db_rtt_measured_ms >= held_back_ms(trial.cell.db_rtt_ms)
    assert (trial.machine.relay_cpu_s is not None) == (trial.cell.db_rtt_ms > 0)
    rows = files.samples.read_text().splitlines()
    assert rows[0].startswith("t_s,pool_total,")
    assert len(rows) > 4
    for path in (files.load, files.ledger, files.latency, files.server_log, files.locust_log):
        assert path.exists()


def held_back_ms(rtt_ms: float) -> float:
    """What a relay waits at least of the round trip that was asked for: the rest is what it itself takes."""
    return max(0.0, rtt_ms - 2000 * (OWN_DELAY_S + GRAIN_S))


@pytest.mark.timeout(200)
async def test_connections_needed_are_those_in_use_however_many_requests_one_serves(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    """With coalesce the clients' rate × hold time would be many times what was in use."""
    load = ("--pool", "2", "--clients", "32", "--blocks", "1", "--warmup", "0.3", "--measure", "1")
    strategies = ("--strategy", "sequential,batch,coalesce")
    for attempt in attempts():
        directory = tmp_path / str(attempt.number)
        process = sweep(*strategies, *load, "--results-dir", str(directory), environ=dict(postgres.environ()))
        code, _, err = await asyncio.to_thread(finish, process)
        assert code == 0, err
        trials = {trial.cell.strategy: trial for trial in read_trials(the_run(directory))}
        assert set(trials) == {"sequential", "batch", "coalesce"}
        with attempt:
            for strategy, trial in trials.items():
                lent = loans([trial])
                assert lent is not None
                if lent.needed != pytest.approx(lent.busy, rel=0.1):
                    raise TooLate(f"{lent}: somebody stood still while a connection was lent to him")
                if strategy == "coalesce":
                    assert lent.requests > 4
                else:
                    assert lent.requests == pytest.approx(1, rel=0.1)
                assert trial.pool is not None and trial.pool.boarding_mean is not None
                assert (trial.pool.boarding_mean > 0) == (strategy == "coalesce")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_sweep_keeps_what_is_finished_and_can_be_resumed(
    tmp_path: Path, postgres: PostgresServer, number: signal.Signals
) -> None:
    environ = dict(postgres.environ())
    process = sweep(
        *SHORT, "--pool", "1,2,3", "--blocks", "1", "--results-dir", str(tmp_path), environ=environ
    )
    async with asyncio.timeout(DEADLINE_S):
        while not (finished := list(tmp_path.glob("*/trials/*/trial.json"))):
            assert process.poll() is None
            await asyncio.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    code, _, err = await asyncio.to_thread(finish, process)
    assert code == 130, err
    assert "Traceback" not in err
    run = the_run(tmp_path)
    assert f"queen sweep --resume {run.root}" in err
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert await trial_databases(postgres.address()) == []
    assert read(run.manifest, Manifest).interrupted
    assert not (run.root / "staging").exists()

    before = {path: path.stat().st_mtime_ns for path in finished}
    code, _, err = await asyncio.to_thread(finish, sweep("--resume", str(run.root), environ=environ))
    assert code == 0, err
    trials = list(read_trials(run))
    assert sorted(trial.cell.pool or 0 for trial in trials if not trial.attempt) == [1, 2, 3]
    invalid = {(trial.cell.pool, trial.attempt + 1) for trial in trials if not trial.valid}
    assert {(trial.cell.pool, trial.attempt) for trial in trials if trial.attempt} <= invalid
    assert {path: path.stat().st_mtime_ns for path in finished} == before
    assert not read(run.manifest, Manifest).interrupted


async def test_a_sweep_whose_database_dies_keeps_what_it_has_and_says_so_in_one_line(tmp_path: Path) -> None:
    finished: list[Path] = []
    async with PostgresServer.start() as postgres:
        options = (
            "--pool",
            "1,2,3",
            "--blocks",
            "1",
            "--warmup",
            "0.1",
            "--measure",
            "1.5",
            "--clients",
            "8",
        )
        process = sweep(*options, "--results-dir", str(tmp_path), environ=dict(postgres.environ()))

        async def is_in_the_second_trial() -> bool:
            assert process.poll() is None
            finished[:] = tmp_path.glob("*/trials/*/trial.json")
            return bool(finished) and bool(await trial_databases(postgres.address()))

        await until(is_in_the_second_trial, DEADLINE_S)
        os.kill(postgres.pid, signal.SIGKILL)
        code, _, err = await asyncio.to_thread(finish, process)
    assert "Traceback" not in err
    assert code == 1, err
    assert err.splitlines()[-1].startswith("queen: cannot create a database: ")
    run = the_run(tmp_path)
    assert err.splitlines()[-1].endswith(f"; queen sweep --resume {run.root} runs the rest")
    kept = sorted(run.root.glob("trials/*/trial.json"))
    assert set(finished) <= set(kept)
    assert len(list(read_trials(run))) == len(kept) < 3
    assert not (run.root / "staging").exists()


@pytest.mark.timeout(200)
@pytest.mark.parametrize("warmup", [(), ("--warmup", "0.2")])
async def test_a_pool_that_is_too_small_is_measured_when_it_refuses(
    warmup: tuple[str, ...], tmp_path: Path, postgres: PostgresServer
) -> None:
    """64 callers of one connection that is held for ten round trips: many get none within a second."""
    starved = ("--strategy", "sequential", "--pool", "1", "--clients", "64", "--rtt", "2")
    times = ("--connection-timeout", "1000", "--blocks", "1", "--measure", "0.6", *warmup)
    for attempt in attempts():
        directory = tmp_path / str(attempt.number)
        process = sweep(*starved, *times, "--results-dir", str(directory), environ=dict(postgres.environ()))
        code, _, err = await asyncio.to_thread(finish, process)
        assert code == 0, err
        (load,) = (trial.load for trial in read_trials(the_run(directory)) if not trial.attempt)
        with attempt:
            if warmup:
                in_time(load.warmup_s, 1.0)
                in_time(load.measured_s, 1.8)
            else:
                assert load.warmup_s >= 1.0
                assert load.measured_s >= 1.8
                in_time(load.measured_s, 2.2)
                assert load.requests_not_done > 0.1 * load.requests_sent


@asynccontextmanager
async def plain_role(server: PostgresServer) -> AsyncIterator[str]:
    connection = await connect(server.address())
    role = f"plain_{os.getpid()}"
    await connection.execute(f"CREATE ROLE {role} LOGIN")
    try:
        yield role
    finally:
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()


async def test_a_database_that_may_not_be_used_is_one_line(tmp_path: Path, postgres: PostgresServer) -> None:
    async with plain_role(postgres) as role:
        environ = {**postgres.environ(), "PG_USER": role}
        process = sweep("--pool", "2", "--results-dir", str(tmp_path), environ=environ)
        code, out, err = await asyncio.to_thread(finish, process)
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith(f"queen: user {role} may not create databases")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (("--pool", "2,x"), 2, "queen: --pool 'x': expected a whole number"),
        (("--pool", "5,5"), 2, "queen: --pool: 5 is given twice"),
        (("--clients", "100001", "--dry-run"), 2, "queen: --clients '100001': expected a whole number, 1 to"),
        (("--batch", "1000000", "--dry-run"), 2, "queen: --batch: 1,000,000 × 300 bytes, more than 64 MiB"),
        (("--results-dir", ""), 2, "queen: --results-dir: expected a directory"),
        (("--resume", "x" * 300), 2, "no run of a sweep there, nor in "),
        (("--resume", "x", "--connection-timeout", "3"), 2, "as it was: leave --connection-timeout out"),
        (("--nosuch",), 2, "unrecognized arguments: --nosuch"),
        (("--resume", "nosuch"), 2, "queen: --resume 'nosuch': no run of a sweep there, nor in "),
        (("--pool", "2"), 1, "queen: PG_HOST=127.0.0.1 PG_PORT=1 "),
        (
            ("--pool", "2", "--results-dir", "/dev/null/x"),
            2,
            "queen: --results-dir '/dev/null/x': nothing can be",
        ),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    tmp_path: Path, options: Sequence[str], code: int, line: str
) -> None:
    nowhere = {"PG_HOST": "127.0.0.1", "PG_PORT": "1"}
    got, out, err = finish(sweep("--results-dir", str(tmp_path), *options, environ=nowhere))
    assert (got, out) == (code, "")
    assert line in err.splitlines()[-1]
    assert code == 1 or err.count("\n") == 1
    assert "Traceback" not in err
    assert "runs the rest" not in err, "nothing is left to go on with"
    assert list(tmp_path.iterdir()) == []
