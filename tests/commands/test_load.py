"""`queen load` as a user meets it."""

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from loadtests import results
from loadtests.commands import load_audit
from loadtests.commands.load_audit import account_for, not_accounted, only_trial
from loadtests.commands.load_summary import table
from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.outcome import ALL_QUEUED
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.plan import LoadPlan
from loadtests.load.writing import write_results
from loadtests.results import Accounting, Cell, RunFiles, Trial
from loadtests.sweep.databases import connect
from queen import cli
from queen.local.database import Database
from queen.local.scratch import scratch_directory
from tests import briefly
from tests.briefly import AS_ALWAYS, BRIEFLY
from tests.load.fake_queue import FakeQueue
from tests.load.fake_server import fake_server, response
from tests.locustfiles.support import until

DEADLINE_S = 50.0


@contextmanager
def queen_load(
    *words: str, cwd: Path, module: str = BRIEFLY, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """`queen load …` in a directory of its own; asked to stop at the end if it still runs.

    Where the generator's ceiling matters the `module` is AS_ALWAYS.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    with subprocess.Popen(
        [sys.executable, "-m", module, "load", *words],
        cwd=cwd,
        env={**environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def only_run(directory: Path) -> RunFiles:
    (manifest,) = directory.glob("results/*/manifest.json")
    return RunFiles(manifest.parent)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["high", "--users", "0"], "--users"),
        (["high", "--users", "ten"], "--users"),
        (["high", "--users", "²"], "--users"),
        (["high", "--users", "9" * 9999], "--users"),
        (["high", "--users", "1000000"], "--users"),
        (["extreme"], "extreme"),
        (["ramp", "--rate", "100"], "--rate"),
        (["saturation", "--loop", "closed"], "--loop"),
        (["high", "--processes", "0"], "--processes"),
        (["high", "--rate", "-1"], "--rate"),
        (["high", "--rate", "nan"], "--rate 'nan': expected a number above 0, at most 1,000,000,000"),
        (["high", "--rate", "inf"], "--rate 'inf': expected a number above 0"),
        (["high", "--rate", "1e400"], "--rate '1e400': expected a number above 0"),
        (["high", "--rate", "f" * 9999], "--rate"),
        (["high", "--consumers", "half"], "--consumers"),
        (["high", "--rate", "10", "--loop", "closed"], "--rate"),
        (["high", "--consumers", "2"], "--consumers '2': expected a number, 0 to 1"),
        (["high", "--consumers", "nan"], "--consumers 'nan': expected a number, 0 to 1"),
        (["high", "--run-time", "soon"], "--run-time"),
        (["high", "--run-time", "0m0s"], "--run-time"),
        (["high", "--run-time", "5m30"], "--run-time"),
        (["high", "--run-time", "99999999999999h"], "--run-time"),
        (["high", "--host", "http://queue:6632/api"], "--host"),
        (["high", "--host", "127.0.0.1:6632"], "--host"),
        (["high", "--host", "http://127.0.0.1:99999"], "--host"),
        (["high", "--host", "http://127.0.0.1:0"], "--host"),
        (["high", "--host", "http://127.0.0.1:1", "--pool", "5"], "--pool"),
        (["high", "--host", "http://127.0.0.1:1", "--strategy", "batch"], "--strategy"),
        (["high", "--pool", "many"], "--pool 'many': expected a whole number, 1 to 10,000"),
        (["high", "--pool", "0"], "--pool '0': expected a whole number, 1 to 10,000"),
        (["high", "--pool", ""], "--pool '': expected a whole number, 1 to 10,000"),
        (["high", "--pool", "999999999999"], "--pool '999999999999': expected a whole number"),
        (["high", "--results-dir", ""], "--results-dir: expected a directory"),
        (["high", "--strategy", "magic"], "--strategy"),
        (["high", "--web-port", "70000"], "--web-port"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = cli.main(["load", *words])
    except SystemExit as refusal:  # argparse's way
        code = int(str(refusal.code))
    (complaint,) = capsys.readouterr().err.splitlines()
    assert code == 2
    assert complaint.startswith("queen: ")
    assert named in complaint
    assert len(complaint) < 200


def test_a_headless_run_starts_everything_accounts_for_every_message_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    words = [
        "high",
        "--users",
        "5",
        "--headless",
        "--run-time",
        "3s",
        "--pool",
        "3",
        "--strategy",
        "sequential",
        "--",
        "--payload-bytes",
        "77",
    ]
    with queen_load(*words, cwd=tmp_path, module=AS_ALWAYS) as process:
        output, progress = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, progress
    assert "msg/s" in output
    run = only_run(tmp_path)
    assert f"results/{run.root.name}" in output
    (trial,) = results.read_trials(run)
    assert (trial.cell.pool, trial.cell.strategy, trial.cell.shape) == (3, "sequential", "high")
    assert trial.cell.payload_bytes == 77
    assert trial.accounting is not None
    assert trial.accounting.holds
    assert trial.accounting.stored == trial.load.total_messages_acknowledged > 0
    files = only_trial(run)
    assert files.server_log.exists()
    assert files.locust_log.exists()
    assert trial.pool is not None
    assert trial.pool.acquires > 0
    assert files.samples.read_text(encoding="utf-8").count("\n") > 10


def test_the_reason_is_said_though_tables_stand_behind_it_in_the_log(tmp_path: Path) -> None:
    with fake_server(lambda _: response(418, b"{}")) as server:
        words = ["mixed", "--headless", "--host", server.url]
        with queen_load(*words, cwd=tmp_path) as process:
            _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert "the queue cannot be configured: 418" in said.splitlines()[-1]


def test_a_server_that_asks_for_a_token_is_loaded_and_looked_into_and_the_token_is_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEEN_TOKEN", "not-to-be-seen")
    with queen_load("mixed", "--users", "4", "--headless", "--run-time", "3s", cwd=tmp_path) as process:
        output, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said
    trial = results.read(only_trial(only_run(tmp_path)).trial, Trial)
    assert trial.accounting is not None and trial.accounting.stored > 0
    assert trial.pool is not None
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "not-to-be-seen" not in output + said + written.decode("latin-1")


def test_a_load_of_which_no_push_was_acknowledged_has_failed(tmp_path: Path) -> None:
    with fake_server(lambda _: response(404, b'{"error":"Not found"}')) as server:
        words = ["high", "--users", "2", "--headless", "--run-time", "3s", "--host", server.url]
        with queen_load(*words, cwd=tmp_path) as process:
            _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1, said
    assert "no push was acknowledged: Not found" in said
    assert "Traceback" not in said


@pytest.mark.timeout(180)
def test_high_with_ten_producers_offers_what_it_says_for_a_minute_and_nothing_is_lost(tmp_path: Path) -> None:
    with queen_load("high", "--users", "10", "--headless", "--run-time", "62s", cwd=tmp_path) as process:
        _, progress = process.communicate(timeout=2 * DEADLINE_S + 62)
    assert process.returncode == 0, progress
    (trial,) = results.read_trials(only_run(tmp_path))
    load, account = trial.load, trial.accounting
    assert load.measured_s >= 60
    due = load.requests_sent + load.requests_missed + load.requests_held
    assert trial.cell.batch * due / load.measured_s == pytest.approx(1000, rel=0.01)
    assert load.requests_missed + load.requests_held <= 0.01 * due  # what was offered was sent
    assert load.response is not None
    assert load.response.count == load.requests_ok
    assert account is not None
    assert account.stored == load.total_messages_acknowledged
    assert (account.lost, account.duplicated, account.out_of_order, account.unexplained) == (0, 0, 0, 0)


def test_a_search_for_saturation_shows_its_steps_and_its_answer(tmp_path: Path) -> None:
    words = ["saturation", "--users", "2", "--headless", "--strategy", "coalesce"]
    bounds = ["--from-rate", "200", "--most-rate", "400", "--step-time", "2", "--p99-ms", "2000"]
    with queen_load(*words, "--", *bounds, cwd=tmp_path) as process:
        output, progress = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, progress
    (first,) = [line for line in output.splitlines() if line.startswith("│ 1 ")]
    assert first.split("│")[2].strip() == "200"
    assert "at least 400 msg/s meet p99 ≤ 2000 ms" in output
    (trial,) = results.read_trials(only_run(tmp_path))
    assert [stage.rate_msg_s for stage in trial.stages] == [200.0, 400.0, 400.0]
    assert trial.accounting is not None
    assert trial.accounting.holds
    assert trial.accounting.stored > trial.load.messages_acknowledged  # of all steps


def test_the_page_opens_at_the_printed_address_and_ctrl_c_ends_all(tmp_path: Path) -> None:
    with queen_load("reasonable", cwd=tmp_path) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.match(r"http://127\.0\.0\.1:\d+ ", line), line
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 3  # PostgreSQL, queen serve, Locust
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert [child for child in children if child.is_running()] == []


def test_ctrl_c_just_after_the_end_of_a_run_loses_nothing_of_it(tmp_path: Path) -> None:
    words = ["high", "--users", "5", "--headless", "--run-time", "2s", "--pool", "3"]
    with queen_load(*words, cwd=tmp_path) as process:
        until(lambda: True if list(tmp_path.glob("results/*/trials/*/ledger.json")) else None)
        process.send_signal(signal.SIGINT)
        table_, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert "queen: interrupted when the run was over: it is whole" in said
    assert "every message accounted for" in table_
    (trial,) = results.read_trials(only_run(tmp_path))
    assert trial.accounting is not None and trial.accounting.stored > 0
    assert "interrupted" not in {remark.reason for remark in trial.remarks}


def test_a_headless_run_that_is_interrupted_says_so(tmp_path: Path) -> None:
    with fake_server(FakeQueue().script) as server:
        words = ["high", "--users", "2", "--headless", "--run-time", "60s", "--host", server.url]
        with queen_load(*words, cwd=tmp_path) as process:
            until(lambda: True if any(request.method == "POST" for request in server.seen) else None)
            process.send_signal(signal.SIGINT)
            table_, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "queen: interrupted: the figures are of what ran until then"
    assert "interrupted" in table_


@pytest.fixture
def hang_up_is_heard() -> Iterator[None]:
    """By children: they would ignore SIGHUP if these tests were run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_up_is_heard")
def test_a_terminal_that_closes_ends_the_run_as_ctrl_c_does(tmp_path: Path) -> None:
    master, terminal = os.openpty()
    with fake_server(FakeQueue().script) as server:
        words = ["high", "--users", "2", "--headless", "--run-time", "60s", "--host", server.url]
        with subprocess.Popen(
            [sys.executable, "-m", "queen", "load", *words],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        ) as process:
            os.close(terminal)
            until(lambda: True if any(request.method == "POST" for request in server.seen) else None)
            os.close(master)
            process.send_signal(signal.SIGHUP)
            process.wait(DEADLINE_S)
    (trial,) = results.read_trials(only_run(tmp_path))
    assert "interrupted" in {remark.reason for remark in trial.remarks}
    assert not list(tmp_path.glob("queen-load-*"))


def test_what_a_killed_load_leaves_behind_is_removed_by_the_next(tmp_path: Path) -> None:
    """SIGKILL: no code of its own can clean up."""
    with fake_server(FakeQueue().script) as server:
        words = ["high", "--users", "2", "--headless", "--run-time", "60s", "--host", server.url]
        with queen_load(*words, cwd=tmp_path, TMPDIR=str(tmp_path)) as process:
            until(lambda: True if any(request.method == "POST" for request in server.seen) else None)
            process.kill()
            process.communicate(timeout=DEADLINE_S)
    (left,) = tmp_path.glob("queen-load-*")
    with scratch_directory(tmp_path, "load") as next_one:
        assert list(tmp_path.glob("queen-load-*")) == [next_one] != [left]


def test_ctrl_c_before_anything_was_measured_says_so(tmp_path: Path) -> None:
    with fake_server(FakeQueue().script) as server:
        words = ["high", "--users", "2", "--headless", "--host", server.url]
        with queen_load(*words, cwd=tmp_path) as process:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("queen: load high")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert said == "queen: interrupted before anything was measured\n"


@pytest.fixture
async def empty_tables(database: Database) -> Database:
    connection = await connect(database)
    await connection.execute(
        "create schema queen; create table queen.queues (id bigint, name text);"
        "create table queen.partitions (id bigint, queue_id bigint, name text);"
        "create table queen.messages (id uuid, transaction_id text, queue_id bigint, partition_id bigint,"
        " position bigint)"
    )
    await connection.close()
    return database


def acknowledged_run(directory: Path, queue: str) -> RunFiles:
    """A run whose ten messages were acknowledged."""
    run = RunFiles(directory / "run")
    files = run.trial("001")
    files.root.mkdir(parents=True)
    plan = LoadPlan(host="http://x", trial_directory=str(files.root), run_tag="t1", queue=queue)
    recorder = Recorder(plan)
    due_s = recorder.part().started_monotonic_s
    recorder.pushed(recorder.account(0, "p0"), 0, 9, due_s, Attempt(ALL_QUEUED, due_s, due_s, due_s))
    recorder.close_window()
    load = write_results(recorder.part(), plan, files)
    results.write(
        files.trial,
        Trial(trial_id="001", part="load", block=0, order=0, cell=Cell(), started_at="x", load=load),
    )
    return run


async def test_messages_that_are_missing_in_the_table_are_found(
    tmp_path: Path, empty_tables: Database
) -> None:
    run = acknowledged_run(tmp_path, "load-t1")
    assert await account_for([run], empty_tables) is False
    trial = results.read(only_trial(run).trial, Trial)
    assert trial.accounting is not None
    assert trial.accounting.lost == 10
    assert not trial.valid
    shown = io.StringIO()
    Console(file=shown, width=120).print(table(trial))
    assert "NO: 10 lost" in shown.getvalue()


@pytest.mark.parametrize(
    ("order", "verdict"),
    [
        (range(10), None),
        ([*range(10), 10], "1 unexplained"),
        ([1, 0, *range(2, 10)], "1 out of order"),
        ([*range(10), 9], "1 duplicated"),
    ],
)
async def test_whatever_breaks_the_law_of_messages_is_found(
    tmp_path: Path, empty_tables: Database, order: Sequence[int], verdict: str | None
) -> None:
    run = acknowledged_run(tmp_path, "load-t1")
    await store(empty_tables, "load-t1", order)
    assert await account_for([run], empty_tables) == (verdict is None)
    trial = results.read(only_trial(run).trial, Trial)
    assert trial.valid == (verdict is None)
    shown = io.StringIO()
    Console(file=shown, width=120).print(table(trial))
    assert (verdict or "yes: 10 in the table") in shown.getvalue()


async def test_a_table_that_cannot_be_read_leaves_the_figures_and_says_that_nothing_was_checked(
    tmp_path: Path, empty_tables: Database
) -> None:
    run = acknowledged_run(tmp_path, "load-t1")
    nowhere = replace(empty_tables, name="nowhere")
    assert await account_for([run], nowhere)  # nothing is known to be wrong
    trial = results.read(only_trial(run).trial, Trial)
    assert trial.load.messages_acknowledged == 10
    assert trial.accounting is None
    assert not_accounted(run).startswith("not checked: ")
    assert "nowhere" in not_accounted(run)
    await store(empty_tables, "load-t1", range(10))
    assert await account_for([run], empty_tables)
    assert not_accounted(run) == ""


def test_a_run_that_cannot_be_checked_shows_its_figures_and_then_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def too_slow(*_: object, **__: object) -> Accounting:
        raise TimeoutError("reading them took longer than 60 s")

    monkeypatch.setattr(load_audit, "audit", too_slow)
    briefly.measured(monkeypatch.setattr)
    monkeypatch.chdir(tmp_path)
    code = cli.main(
        ["load", "high", "--users", "1", "--headless", "--run-time", "1s", "--", "--warm-up", "0"]
    )
    shown, said = capfd.readouterr()
    assert code == 1
    assert "msg/s" in shown
    assert "not checked" in shown
    assert only_run(tmp_path).root.name in shown
    assert "took longer than 60 s" in said.strip().splitlines()[-1]


async def store(database: Database, queue: str, order: Sequence[int]) -> None:
    """Put producer 0's messages into the log of p0, in this order."""
    connection = await connect(database)
    await connection.execute("insert into queen.queues values (1, $1)", queue)
    await connection.execute("insert into queen.partitions values (1, 1, 'p0')")
    await connection.executemany(
        "insert into queen.messages (transaction_id, queue_id, partition_id, position) values ($1, 1, 1, $2)",
        [(results.transaction_id("t1", 0, sequence), place) for place, sequence in enumerate(order)],
    )
    await connection.close()


async def test_in_a_queue_that_others_may_use_nothing_is_claimed(
    tmp_path: Path, empty_tables: Database
) -> None:
    run = acknowledged_run(tmp_path, "orders")
    assert await account_for([run], empty_tables) is True
    assert results.read(only_trial(run).trial, Trial).accounting is None
