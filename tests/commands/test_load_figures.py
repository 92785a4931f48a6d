"""What `queen load` says of a run: its table, and what its generator's ceiling adds to it."""

import pytest
from msgspec.structs import replace
from rich.console import Console

from loadtests.commands.load_ceiling import judged, note
from loadtests.commands.load_summary import table
from loadtests.results import Cell, ErrorCount, Invalidity, Latency, Loop, Trial, WorkerShare
from loadtests.runs.validity import busy_process
from tests.sweep.made import made_load, made_trial

LATENCY = Latency(count=9, p50_ms=1.5, p90_ms=2, p95_ms=2.5, p99_ms=3.5, p999_ms=5, max_ms=6)
BUSY = WorkerShare(worker=0, host="h", cpu_s=9.9, measured_s=10.0, producers=1, heard_at="2026-01-01")
CPU = tuple(busy_process((BUSY,)))
SATURATED = Invalidity(
    reason="generator_limited", detail="at 80,000 the generator was the limit", fatal=False
)


def trial(loop: Loop = "open", *remarks: Invalidity) -> Trial:
    load = replace(made_load(), schedule_lag=LATENCY if loop == "open" else None, workers=(BUSY,))
    return replace(made_trial(cell=Cell(loop=loop), load=load), remarks=remarks)


def rows(of: Trial) -> dict[str, str]:
    shown = table(of)
    what, figures = shown.columns
    return dict(zip(map(str, what.cells), map(str, figures.cells), strict=True))


def test_a_ceiling_that_is_far_takes_no_other_warning_away() -> None:
    before = trial("open", *CPU, SATURATED)
    assert judged(before, 1e9).remarks == before.remarks


def test_a_ceiling_that_is_near_is_said_once_beside_the_others() -> None:
    before = trial("open", *CPU, SATURATED)
    once = judged(before, 15_000)
    assert once.remarks[:2] == before.remarks
    assert [(remark.reason, remark.detail) for remark in once.remarks[2:]] == [
        ("near_ceiling", "67% of the 15000 msg/s that it reaches against a null server")
    ]
    assert judged(once, 15_000) == once
    assert judged(once, 1e9) == before


@pytest.mark.parametrize(
    ("loop", "consumed", "told"),
    [
        ("closed", False, "closed loop, raw client, 7 producers, batch 10, 300 bytes, one process)"),
        (
            "open",
            True,
            "open loop, raw client, 7 producers, batch 10, 300 bytes, one process; the run's consum",
        ),
    ],
)
def test_what_a_ceiling_was_measured_with_is_named(loop: Loop, consumed: bool, told: str) -> None:
    said = note(Cell(loop=loop, clients=7), 12_345.6, consumed=consumed)
    assert said.startswith("the generator reaches 12,346 msg/s against a null server (")
    assert told in said


def test_the_generators_lag_stands_beside_the_latencies() -> None:
    shown = rows(trial())
    assert shown["schedule lag p50 / p95 / p99"] == "1.5 / 2.5 / 3.5 ms"
    assert shown["the same from the intended start"] == "1.0 / 3.0 / 4.0 ms"


def test_a_closed_loop_is_named_and_has_no_intended_start() -> None:
    closed = trial("closed")
    assert "closed loop" in str(table(closed).title)
    shown = rows(closed)
    assert shown["the same from the intended start"] == "-"
    assert not [name for name in shown if "lag" in name]


def test_what_was_held_back_stands_beside_what_was_missed() -> None:
    held = replace(trial(), load=replace(made_load(missed=3), requests_held=1_200))
    shown = rows(held)
    assert shown["pushes missed by the generator"] == "3"
    assert shown["pushes held back by the server, never sent"] == "1,200"
    Console(width=200).print(table(held))


def test_of_many_kinds_of_failures_the_table_says_how_many_more_there_are() -> None:
    errors = tuple(
        ErrorCount(status=500 + kind, code=f"kind_{kind}", text="oops", requests=9 - kind)
        for kind in range(5)
    )
    shown = rows(replace(trial(), load=replace(made_load(), errors=errors)))
    assert shown["502 kind_2"] == "7 x oops"
    assert "503 kind_3" not in shown
    assert shown["other failures"] == "11 of 2 kinds, see load.json"
    assert "other failures" not in rows(replace(trial(), load=replace(made_load(), errors=errors[:3])))
