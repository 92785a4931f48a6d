import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from loadtests import results
from loadtests.results import (
    Cell,
    Machine,
    Manifest,
    PoolUse,
    RunFiles,
    ServerVersions,
    StageResult,
    Trial,
    WorkerShare,
)
from loadtests.ui.runs_table import MOST_RUNS, RunsTable, rows_of
from tests.sweep.made import made_accounting, made_group, made_load

UNREAD: dict[str, Any] = {"source": "drain", "checked_to_end": False, "stored": 7, "lost": None}
LOAD = replace(made_load(acknowledged=90, sent=9, measured_s=10), response=None)
NOT_LOOKED = "not known: what is stored (nobody has looked)"
MANIFEST = Manifest(
    run_id="run",
    kind="load",
    title="high",
    started_at="2026-11-28T12:00:00+00:00",
    command=("queen", "load", "high"),
    machine=Machine(
        system="Linux",
        cpu_model="x",
        cpu_count=2,
        memory_bytes=1,
        python="3.11",
        filesystem="ext4",
        load_average_1m=0.1,
    ),
    versions=ServerVersions(server="queen", postgres="18", postgres_source="embedded"),
)
ACCOUNTING = made_accounting(stored=99, lost=1)


def written(directory: Path, pool: int) -> tuple[RunFiles, Trial]:
    run = RunFiles(directory)
    trial = Trial(
        trial_id="001",
        part="load",
        block=0,
        order=0,
        cell=Cell(pool=pool, strategy="batch", shape="high", loop="open"),
        started_at="2026-11-28T12:00:00+00:00",
        load=LOAD,
    )
    run.trial("001").root.mkdir(parents=True)
    results.write(run.manifest, MANIFEST)
    results.write(run.trial("001").trial, trial)
    return run, trial


def test_runs_stand_side_by_side_in_the_order_in_which_they_ended(tmp_path: Path) -> None:
    table = RunsTable()
    for pool in (20, 7):
        table.add(written(tmp_path / f"run-{pool}", pool)[0])
    first, second = table.rows()
    assert (first.pool, second.pool) == (20, 7)
    assert (first.acknowledged_msg_s, first.service_p99_ms, first.response_p99_ms) == (9.0, 4, None)
    assert (first.accounted, first.accounted_holds, first.pool_timeouts) == (NOT_LOOKED, None, None)


def test_lag_and_held_back_load_are_shown_and_a_closed_loop_has_no_intended_start(tmp_path: Path) -> None:
    run, trial = written(tmp_path / "run", 20)
    latency = LOAD.service
    assert latency is not None
    lag = replace(latency, p50_ms=0.2, p99_ms=80.0)
    load = replace(LOAD, response=latency, schedule_lag=lag, requests_missed=2, requests_held=7)
    (of_open,) = rows_of(1, run, replace(trial, load=load))
    assert (of_open.response_p99_ms, of_open.lag_p50_ms, of_open.lag_p99_ms) == (4, 0.2, 80.0)
    assert (of_open.missed, of_open.held) == (2, 7)
    closed = replace(trial, cell=Cell(loop="closed"), load=replace(LOAD, response=latency))
    (of_closed,) = rows_of(1, run, closed)
    assert (of_closed.response_p99_ms, of_closed.lag_p99_ms, of_closed.service_p99_ms) == (None, None, 4)


def test_what_the_generator_can_do_is_shown_when_it_has_been_measured(tmp_path: Path) -> None:
    run, trial = written(tmp_path / "run", 20)
    stage = StageResult(number=1, label="1", rate_msg_s=None, load=replace(LOAD, measured_s=5))
    trial = replace(trial, cell=replace(trial.cell, batch=10), stages=(stage,))
    results.write(run.trial("001").trial, trial)
    table = RunsTable()
    table.add(run)
    assert {(row.generator_ceiling_msg_s, row.generator_share) for row in table.rows()} == {(None, None)}
    changed_ns = run.manifest.stat().st_mtime_ns + 1_000_000
    results.write(run.manifest, replace(MANIFEST, generator_ceiling_msg_s={"raw/batch=10": 36.0}))
    os.utime(run.manifest, ns=(changed_ns, changed_ns))
    shown = [(row.generator_ceiling_msg_s, row.generator_share) for row in table.rows()]
    assert shown == [(36.0, 9 / 36), (36.0, 18 / 36)]


def test_the_generator_is_judged_by_its_busiest_process(tmp_path: Path) -> None:
    run, trial = written(tmp_path / "run", 20)
    shares = tuple(
        WorkerShare(worker=worker, host="x", cpu_s=cpu_s, measured_s=10, producers=1, heard_at="x")
        for worker, cpu_s in ((1, 2.0), (2, 9.0))
    )
    silent, busy = (replace(trial, load=replace(LOAD, workers=workers)) for workers in ((), shares))
    assert [rows_of(1, run, each)[0].generator_cpu for each in (silent, busy)] == [None, 0.9]


def test_what_the_owner_of_the_server_adds_later_is_shown(tmp_path: Path) -> None:
    table = RunsTable()
    run, trial = written(tmp_path / "run", 20)
    table.add(run)
    (before,) = table.rows()
    pool = PoolUse(
        acquires=9,
        timeouts=2,
        connects=1,
        lost=0,
        hold_mean_ms=1,
        wait_mean_ms=0.5,
        busy_mean=1,
        waiting_mean=0,
        boarding_timeouts=3,
    )
    path = run.trial("001").trial
    changed_ns = path.stat().st_mtime_ns + 1_000_000
    results.write(path, replace(trial, accounting=ACCOUNTING, pool=pool))
    os.utime(path, ns=(changed_ns, changed_ns))
    (after,) = table.rows()
    assert before.accounted == NOT_LOOKED
    assert after.accounted == "NO: 1 lost"
    assert (after.accounted_holds, after.pool_timeouts, after.pool_wait_mean_ms) == (False, 5, 0.5)


@pytest.mark.parametrize(
    ("account", "group", "said", "holds"),
    [
        ({}, {}, "yes: 100 in the table", True),
        ({"source": "drain"}, {}, "yes: 100 read back over HTTP to the end", True),
        (UNREAD, {}, "not known: what is lost (7 read back, 100 acknowledged)", None),
        (UNREAD | {"lost": 0}, {}, "not known: what is lost (7 read back, 100 acknowledged)", None),
        ({}, {"undelivered": None}, "not known: what g never received", None),
        ({}, {"reading": "cut off"}, "not known: what else g received (not read to the end)", None),
        (None, {"unexplained": 7}, "NO: 7 unexplained at g", False),
        ({}, {"unjudged": "why", "unexplained": None}, "not known: what g received (why)", None),
        (
            {},
            {"undelivered": None, "out_of_order": 2},
            "NO: 2 out of order at g, not known: what g never received",
            False,
        ),
        ({"unexplained": 1200}, {}, "NO: 1,200 unexplained", False),
        ({}, {"undelivered": 2, "unexplained": 1}, "NO: 2 undelivered at g, 1 unexplained at g", False),
        ({"out_of_order": 1}, {"out_of_order": 3}, "NO: 1 out of order, 3 out of order at g", False),
    ],
)
def test_the_verdict_is_that_of_the_table_and_of_every_group(
    tmp_path: Path, account: dict[str, Any] | None, group: dict[str, Any], said: str, holds: bool | None
) -> None:
    run, trial = written(tmp_path / "run", 20)
    judged = replace(
        trial,
        accounting=None if account is None else replace(ACCOUNTING, **{"stored": 100, "lost": 0} | account),
        deliveries=(made_group(**group),),
    )
    results.write(run.trial("001").trial, judged)
    table = RunsTable()
    table.add(run)
    (row,) = table.rows()
    assert (row.accounted, row.accounted_holds) == (said, holds)


@pytest.mark.parametrize(
    ("counts", "said"),
    [((), ""), (((3, 4, 0), (1, 0, 2)), "8 / 2"), (((None, None, None), (1, 0, 2)), "- / -")],
)
def test_what_came_again_is_told_with_a_reason_beside_without_one(
    tmp_path: Path, counts: tuple[tuple[int | None, ...], ...], said: str
) -> None:
    run, trial = written(tmp_path / "run", 20)
    groups = tuple(
        made_group(nacked=9, lapsed=9, unexplained=without, again_nacked=nacked, again_lapsed=lapsed)
        for nacked, lapsed, without in counts
    )
    (row,) = rows_of(1, run, replace(trial, deliveries=groups))
    assert row.redelivered == said


def test_each_stage_has_a_row_below_its_run(tmp_path: Path) -> None:
    run, trial = written(tmp_path / "run", 20)
    stages = (
        StageResult(number=1, label="100 msg/s", rate_msg_s=100, load=LOAD, verdict="holds"),
        StageResult(
            number=2, label="200 msg/s", rate_msg_s=200, load=replace(LOAD, messages_acknowledged=180)
        ),
    )
    results.write(run.trial("001").trial, replace(trial, stages=stages))
    table = RunsTable()
    table.add(run)
    rows = table.rows()
    assert [(row.run, row.stage) for row in rows] == [(1, ""), (1, "100 msg/s"), (1, "200 msg/s")]
    assert [row.acknowledged_msg_s for row in rows] == [9.0, 9.0, 18.0]
    assert [row.remarks for row in rows] == [(), ("holds",), ()]


def test_a_run_whose_files_are_gone_or_broken_is_left_out(tmp_path: Path) -> None:
    table = RunsTable()
    table.add(RunFiles(tmp_path / "gone"))
    run, _ = written(tmp_path / "broken", 20)
    run.trial("001").trial.write_text("{")
    table.add(run)
    assert table.rows() == ()


def test_only_the_latest_runs_are_kept(tmp_path: Path) -> None:
    table = RunsTable()
    run, _ = written(tmp_path / "run", 20)
    for _ in range(MOST_RUNS + 5):
        table.add(run)
    assert [row.run for row in table.rows()] == list(range(6, MOST_RUNS + 6))


def test_what_a_run_was_asked_for_is_told(tmp_path: Path) -> None:
    run, trial = written(tmp_path / "run", 20)
    by_rate = Cell(loop="open", rate_msg_s=900.0, batch=7)
    by_interval = Cell(loop="open", interval_ms=50.0, clients=10, batch=100)
    closed, changing = Cell(loop="closed", batch=3), Cell(loop="open")
    told = [
        rows_of(1, run, replace(trial, cell=cell))[0] for cell in (by_rate, by_interval, closed, changing)
    ]
    assert [(row.batch, row.offered_msg_s) for row in told] == [
        (7, 900),
        (100, 20_000),
        (3, None),
        (10, None),
    ]
    stage = StageResult(number=1, label="peak", rate_msg_s=5_000, load=LOAD)
    _, of_stage = rows_of(1, run, replace(trial, cell=changing, stages=(stage,)))
    assert of_stage.offered_msg_s == 5_000
