"""What two runs do not have in common, as far as their files tell."""

from dataclasses import replace as with_fields
from typing import Any

import pytest
from msgspec.structs import replace

from loadtests.results import Cell, Machine, MachineUse, Manifest, ServerVersions, Trial
from reports.differences import Difference, between
from reports.runs import Run
from tests.sweep.made import made_load, made_trial

CELL = Cell(strategy="batch", pool=5, clients=64, batch=10, db_rtt_ms=2.0)
MANIFEST = Manifest(
    run_id="r",
    kind="sweep",
    title="t",
    started_at="2026-01-05T10:00:00+00:00",
    command=("queen", "sweep"),
    machine=Machine(
        system="Linux", cpu_model="A", cpu_count=2, memory_bytes=8 * 2**30, python="3.11", load_average_1m=0.1
    ),
    versions=ServerVersions(server="0.1.0", postgres="18.6", postgres_source="embedded"),
    packages={"locust": "2.47.0"},
    settings={"DB_STATEMENT_TIMEOUT": "30000", "PG_PORT": "5432", "PORT": "1"},
    postgres_settings={"shared_buffers": "128MB", "port": "5432", "data_directory": "/a"},
    git_commit="abc",
)


def trial(cell: Cell = CELL, *, warmup_s: float = 0.75, measured_s: float = 1.2) -> Trial:
    return made_trial(cell=cell, load=replace(made_load(measured_s=measured_s), warmup_s=warmup_s))


def run(*trials: Trial, **changes: Any) -> Run:
    return Run("r", trials or (trial(),), replace(MANIFEST, **changes))


BASE = run()
EMPTY_MACHINE = MachineUse(cpu_count=2)


def test_what_changes_from_run_to_run_by_itself_is_no_difference() -> None:
    other = run(
        trial(warmup_s=0.79, measured_s=1.203),
        run_id="s",
        started_at="2026-01-05T11:00:00+00:00",
        machine=replace(MANIFEST.machine, load_average_1m=1.9),
        settings=MANIFEST.settings | {"PG_PORT": "5433", "PORT": "2"},
        postgres_settings=MANIFEST.postgres_settings | {"port": "5433", "data_directory": "/b"},
    )
    assert between(BASE, other) == ()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"machine": replace(MANIFEST.machine, cpu_model="B")}, "machine, processor: A | B"),
        ({"machine": replace(MANIFEST.machine, cpu_count=8)}, "machine, CPUs: 2 | 8"),
        ({"machine": replace(MANIFEST.machine, memory_bytes=2**30)}, "machine, memory: 8.0 GiB | 1.0 GiB"),
        ({"machine": replace(MANIFEST.machine, filesystem="xfs")}, "machine, file system: not known | xfs"),
        ({"versions": replace(MANIFEST.versions, postgres="15.1")}, "versions, PostgreSQL: 18.6 | 15.1"),
        ({"versions": replace(MANIFEST.versions, server="0.2.0")}, "versions, server: 0.1.0 | 0.2.0"),
        ({"packages": {"locust": "3.0"}}, "versions, locust: 2.47.0 | 3.0"),
        ({"git_commit": "def"}, "versions, commit: abc | def"),
        ({"settings": {"DB_STATEMENT_TIMEOUT": "5"}}, "server, DB_STATEMENT_TIMEOUT: 30000 | 5"),
        (
            {"postgres_settings": {"shared_buffers": "128MB", "fsync": "off"}},
            "PostgreSQL, fsync: not set | off",
        ),
    ],
)
def test_machine_versions_and_settings_are_told(changes: dict[str, Any], line: str) -> None:
    assert [str(each) for each in between(BASE, run(**changes))] == [line]


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (trial(warmup_s=3.0), "experiment, warm-up of capacity: 0.8 s | 3.0 s"),
        (trial(measured_s=3.0), "experiment, window of capacity: 1.2 s | 3.0 s"),
        (trial(replace(CELL, clients=128)), "experiment, clients: 64 | 128"),
        (trial(replace(CELL, batch=1)), "experiment, batch: 10 | 1"),
        (trial(replace(CELL, db_rtt_ms=0.0)), "experiment, db_rtt_ms: 2 | 0"),
    ],
)
def test_the_experiment_is_told(other: Trial, line: str) -> None:
    assert [str(each) for each in between(BASE, run(other))] == [line]


def test_times_of_some_cells_say_of_how_many() -> None:
    wide = replace(CELL, pool=20)
    one = run(trial(), trial(wide))
    two = run(trial(warmup_s=2.5), trial(wide))
    assert [str(each) for each in between(one, two)] == [
        "experiment, warm-up of capacity (1 of 2 cells): 0.8 s | 2.5 s"
    ]


def test_the_round_trip_that_was_measured_is_told() -> None:
    def measured(rtt_ms: float) -> Run:
        machine = replace(EMPTY_MACHINE, db_rtt_measured_ms=rtt_ms)
        return run(replace(trial(), machine=machine))

    assert between(measured(2.2), measured(2.4)) == ()
    assert [str(each) for each in between(measured(2.2), measured(9.0))] == [
        "experiment, round trip that was measured at db_rtt_ms 2: 2.2 ms | 9.0 ms"
    ]


def test_files_of_another_tool_tell_of_the_experiment_alone() -> None:
    stranger = with_fields(run(trial(replace(CELL, clients=128))), manifest=None)
    assert between(BASE, stranger) == (Difference("experiment", "clients", "64", "128"),)
