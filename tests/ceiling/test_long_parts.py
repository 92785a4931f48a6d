"""Each long part, made small, from its servers to its figures."""

from dataclasses import replace
from pathlib import Path

import pytest

from loadtests.ceiling.cells.few_clients import FewClients, with_shares
from loadtests.ceiling.cells.filled_push import FilledPush
from loadtests.ceiling.cells.http_pop import HttpPop
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.cells.idle_pop import IdlePop
from loadtests.ceiling.cells.parked_polls import ParkedPolls
from loadtests.ceiling.cells.peak_memory import PeakMemory
from loadtests.ceiling.cells.steady import LEAST_STEPS, Steady
from loadtests.ceiling.part import Cell, Part
from loadtests.ceiling.parts import PARTS, partitions, steady, table
from loadtests.ceiling.runner import CeilingRun
from loadtests.ceiling.servers import ServerConfig
from loadtests.ceiling.session import part_named, request
from loadtests.ceiling.window import Measured
from loadtests.results import CeilingRatio, Ceilings, read
from queen.errors import SettingsError
from queen.local.postgres import PostgresServer
from tests.ceiling.test_run import asked, by_cell, left_databases
from tests.progress import Told

WRITING = ServerConfig(workers=1, pool=4)
KEPT = replace(WRITING, role="kept")  # its tables are never emptied
FILLED = FilledPush(HttpPush(KEPT, 10, 4), rows=1_000)
STEADY = Steady(WRITING, 10, connections=4)
MEMORY = (PeakMemory(HttpPush(WRITING, 10, 4)), PeakMemory(HttpPop(KEPT, 10, 4)))
FEW = FewClients(HttpPush(replace(WRITING, workers=2), 10, 5))
POPS = (IdlePop(KEPT, idle=30), IdlePop(KEPT, idle=30, empty=True))
PARKED = (ParkedPolls(KEPT, 0, 1), ParkedPolls(KEPT, polls=6, queues=1), ParkedPolls(KEPT, polls=6, queues=6))
CELLS: tuple[Cell, ...] = (FILLED, STEADY, *MEMORY, FEW, *POPS, *PARKED)
LIMIT = CeilingRatio(key="l", label="memory / limit", of=MEMORY[0].described.key, floor=1000.0)
SLOWEST = CeilingRatio(
    key="s", label="slowest", of=STEADY.key, figure="slowest_pushes", floor=1.0, wanted=0.01
)


async def run_small(root: Path, postgres: PostgresServer, *cells: Cell) -> Ceilings:
    """One round; returns what it wrote."""
    small = asked(root, postgres.environ(), *cells)
    part = Part(name="small", help="", takes="", cells=cells, ratios=(LIMIT, SLOWEST), checkpoint_once=True)
    await CeilingRun(replace(small, part=part, measure_s=0.3), Told()).run()
    assert await left_databases(postgres) == []
    return read(small.run.ceilings, Ceilings)


async def test_every_cell_of_the_long_parts_has_its_figures(
    tmp_path: Path, postgres: PostgresServer, wrk: Path
) -> None:
    # A PostgreSQL that others started has no processes that the polls' cell may look at.
    ceilings = await run_small(tmp_path / "run", postgres, *CELLS)
    windows = by_cell(ceilings)
    assert windows.keys() == {cell.described.key for cell in CELLS if cell not in PARKED}
    for window in windows.values():
        assert window.faults == ()
        assert window.value > 0
    filled = windows[FILLED.described.key]
    assert filled.figures["stored_messages"] >= 1_000 + filled.run_messages
    steadily = windows[STEADY.key]
    assert {course.name: len(course.values) for course in steadily.courses} == {
        "pushes": LEAST_STEPS,
        "pops": LEAST_STEPS,
    }
    assert steadily.figures["pop_msg_s"] > 0
    assert 0 < steadily.figures["slowest_pushes"] <= 1
    for memory in MEMORY:
        window = windows[memory.described.key]
        assert window.value == window.figures["worker_1_mib"] > 10
        assert window.figures["msg_s"] > 0
    few = windows[FEW.key].figures
    shares = [few["worker_1_connections"], few["worker_2_connections"]]
    assert sum(shares) == 5
    assert few["busiest_percent"] == 100 * max(shares) / 5
    full, empty = (windows[pop.key] for pop in POPS)
    assert full.value == full.p50_ms
    assert (full.messages > 0, empty.messages) == (True, 0)
    assert ceilings.ratios == (LIMIT, SLOWEST)


async def test_polls_stay_parked_beside_a_postgresql_of_our_own(tmp_path: Path) -> None:
    small = asked(tmp_path / "run", {}, *PARKED)
    run = CeilingRun(replace(small, part=replace(small.part, ratios=()), measure_s=0.3), Told())
    await run.run()
    assert len(run.record.windows) == len(PARKED)
    for window in run.record.windows:
        assert window.faults == ()
        assert window.value == pytest.approx(sum(window.figures.values()))
        assert window.figures.keys() == {"server_percent", "postgres_percent"}


async def test_without_wrk_the_long_parts_load_with_our_own(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ceilings = await run_small(tmp_path / "run", postgres, STEADY, POPS[0])
    for window in ceilings.windows:
        assert window.faults == ()
        assert window.value > 0


def test_connections_that_nobody_has_make_the_window_invalid() -> None:
    seen = Measured(value=1.0, measured_s=1.0, messages=1, run_messages=1)
    assert with_shares(seen, [3, 1], 4).figures == {
        "busiest_percent": 75.0,
        "worker_1_connections": 3.0,
        "worker_2_connections": 1.0,
    }
    assert with_shares(seen, [3, 0], 4).faults == ("3 of 4 connections were seen at the workers",)


def test_a_part_says_how_long_it_takes_and_the_options_say_otherwise(tmp_path: Path) -> None:
    def made(name: str, output: str, rounds: int | None = None, measure_s: float | None = None) -> object:
        given = request(
            part=part_named(name),
            rounds=rounds,
            measure_s=measure_s,
            seed=7,
            output=tmp_path / output,
            command=(),
            environ={},
        )
        return given.rounds, given.measure_s

    assert made("ratios", "a") == (5, 1.0)
    assert made("steady", "b") == (3, 70.0)
    assert made("steady", "c", rounds=2, measure_s=5.0) == (2, 5.0)


def test_the_large_table_may_be_smaller(tmp_path: Path) -> None:
    given = request(part=part_named("table", 5_000), seed=7, output=tmp_path / "a", command=(), environ={})
    labels = [cell.described.label for cell in given.part.cells]
    assert sum(label.endswith(", 5,000 messages") for label in labels) == len(given.part.ratios) == 2
    assert given.part.checkpoint_once
    with pytest.raises(
        SettingsError, match=r"^--rows 5: --part steady fills no table; .* --part table, table-random$"
    ):
        part_named("steady", 5)


def test_what_is_compared_does_not_share_a_database() -> None:
    for part in (partitions.part(), table.together(), table.at_random()):
        for ratio in part.ratios:
            cells = {cell.described.key: cell for cell in part.cells}
            assert not {*cells[ratio.of].servers} & {*cells[ratio.base[0]].servers}
    roles = {cell.servers[0].role for part in (table.TOGETHER, table.AT_RANDOM) for cell in part.cells}
    assert roles == {"write", "large"}  # only "write" is emptied


def test_every_promise_of_the_long_parts_is_judged() -> None:
    wanted = {
        name: [ratio.wanted for ratio in PARTS[name].ratios]
        for name in ("partitions", "table", "table-random", "steady")
    }
    assert wanted == {"partitions": [1.5] * 4, "table": [0.8] * 2, "table-random": [0.8], "steady": [0.5] * 2}
    assert steady.CELL.described.unit == "msg/s"
    idle = PARTS["idle"].ratios
    assert {ratio.floor for ratio in idle} == {120.0, 2.0}
    parked = [ratio for ratio in idle if ratio.of.startswith("parked-1000-")]
    assert [(ratio.figure, ratio.less != "", ratio.wanted) for ratio in parked] == [
        *[("value", False, 1.0)] * 2,  # both processes' CPU together
        *[("value", True, None)] * 2,  # beyond what it is without any poll
    ]
