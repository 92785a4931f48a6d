"""Experiments: what a file means, and that a mistake in it is one clear line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.sweep import experiment_file, experiment_rules
from loadtests.sweep.experiment import Experiment, Factors, Part, planned_cells
from loadtests.sweep.experiment_file import READY_EXPERIMENTS, ExperimentError
from loadtests.sweep.task import server_settings
from queen.local.database import Database
from queen.settings import PushStrategy

CAPACITY = """
title = "t"
[fixed]
clients = 128
[[part]]
name = "capacity"
warmup_s = 0.7
measure_s = 1.5
blocks = 4
"""
OPEN = """
[[part]]
name = "open"
loop = "open"
shape = "reasonable"
rate_msg_s = "0.7 * capacity(sequential, pool=20, rtt=0)"
connection_timeout_ms = 250
warmup_s = 1
measure_s = 3
blocks = 2
"""


def loads(text: str) -> Experiment:
    return experiment_file.loads(text, source="e.toml")


def test_lists_of_one_table_are_crossed_and_tables_are_added() -> None:
    experiment = loads(
        CAPACITY
        + """
[[part.cells]]
strategy = ["sequential", "batch"]
pool = [1, 5, 20]
[[part.cells]]
strategy = "sequential"
pool = 1
db_rtt_ms = 2
"""
    )
    cells = [planned.cell for planned in planned_cells(experiment, experiment.part[0])]
    assert [(cell.strategy, cell.pool, cell.db_rtt_ms) for cell in cells] == [
        *(("sequential", pool, 0.0) for pool in (1, 5, 20)),
        *(("batch", pool, 0.0) for pool in (1, 5, 20)),
        ("sequential", 1, 2.0),
    ]
    assert {cell.partitions for cell in cells} == {128}


def test_the_nearest_level_counts() -> None:
    experiment = loads(
        CAPACITY.replace("blocks = 4", "blocks = 4\nbatch = 50")
        + "[[part.cells]]\npool = 5\n[[part.cells]]\npool = 5\nbatch = 100\nclients = 64"
    )
    cells = [planned.cell for planned in planned_cells(experiment, experiment.part[0])]
    assert [(cell.batch, cell.clients, cell.partitions) for cell in cells] == [(50, 128, 128), (100, 64, 64)]


def test_what_is_not_said_is_the_server_s_default() -> None:
    experiment = loads(CAPACITY)
    (planned,) = planned_cells(experiment, experiment.part[0])
    assert (planned.cell.pool, planned.cell.connection_timeout_ms) == (20, 2000)
    assert planned.cell.strategy is not None


def test_a_rate_decides_how_many_producers_a_shape_has() -> None:
    experiment = loads(
        CAPACITY.replace("[fixed]\nclients = 128", "") + 'clients = 128\nstrategy = "sequential"' + OPEN
    )
    (planned,) = planned_cells(experiment, experiment.part[1])
    assert planned.rate is not None
    assert planned.cell.rate_msg_s is None
    cell = planned.at_rate(12_345.0)
    assert (cell.clients, cell.partitions, cell.batch) == (124, 124, 10)  # about 100 messages/s each
    assert cell.interval_ms == pytest.approx(1000 * 10 * 124 / 12_345, abs=0.001)
    assert planned.is_cell(cell)
    assert not planned.is_cell(planned_cells(experiment, experiment.part[0])[0].cell)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("title = ", "e.toml: invalid value (at end of document)"),
        (
            CAPACITY + "pool = 0",
            "e.toml: part[0].pool 0: expected a whole number, 1 to 10,000, or a list of such",
        ),
        (
            CAPACITY + "pool = 'x'",
            "e.toml: part[0].pool 'x': expected a whole number, 1 to 10,000, or a list of",
        ),
        (CAPACITY + "pool = [1, 1.5]", "e.toml: part[0].pool[1] 1.5: expected a whole number, 1 to 10,000"),
        (
            CAPACITY + "pool = {a = 1}",
            "e.toml: part[0].pool (a table): expected a whole number, 1 to 10,000, or",
        ),
        (CAPACITY + f"pool = {'9' * 99}", "9999…': expected a whole number, 1 to 10,000, or a list of such"),
        (
            CAPACITY + "batch = true",
            "e.toml: part[0].batch true: expected a whole number, 1 to 1,000,000,000, or",
        ),
        (CAPACITY + "exact_times = 1", "e.toml: part[0].exact_times 1: expected true or false"),
        (
            CAPACITY + "rate_msg_s = -1",
            "e.toml: part[0].rate_msg_s -1: expected a number above 0, at most 1,000,000",
        ),
        (
            CAPACITY + "partitions = 'all'",
            "part[0].partitions 'all': expected a whole number, 1 to 1,000,000,000 or one",
        ),
        (CAPACITY + "pol = 1", "e.toml: part[0].pol: no such key"),
        ('part = 3\ntitle = "t"', "e.toml: part 3: expected a list of at least one table"),
        ('part = [3]\ntitle = "t"', "e.toml: part[0] 3: expected a table"),
        (CAPACITY + '"po\\nol" = 1', "e.toml: part[0].po ol: no such key"),
        (
            CAPACITY + "pool = 2026-01-01",
            "e.toml: part[0].pool 2026-01-01: expected a whole number, 1 to 10,000",
        ),
        (
            CAPACITY + '[settings]\n"A\\nB" = []',
            "e.toml: settings.A B []: expected a text, a whole number, true",
        ),
        ("", "e.toml: title: is missing"),
        (CAPACITY.replace('"t"', '""'), "e.toml: title '': expected a text of 1 to 80 characters"),
        (CAPACITY.replace('"t"', '"t"\nseed = "x"'), "e.toml: seed 'x': expected a whole number"),
        (
            CAPACITY.replace('"capacity"', '"A b"'),
            "e.toml: part[0].name 'A b': expected a name: a-z, 0-9, _ and -, a",
        ),
        (
            CAPACITY + "[settings]\nDB_IDLE_TIMEOUT = 1.5",
            "e.toml: settings.DB_IDLE_TIMEOUT 1.5: expected a text, a",
        ),
        (
            CAPACITY + 'strategy = ["turbo"]',
            "e.toml: part[0].strategy[0] 'turbo': expected sequential, batch or coalesce",
        ),
        (CAPACITY.replace("blocks = 4", ""), "e.toml: part[0].blocks: is missing"),
        (
            CAPACITY + "pool = [5, 120]",
            "part capacity: clients: 128 clients cannot fill a pool of 120: at least 150 (1.25 × pool)",
        ),
        (
            CAPACITY + "rate_msg_s = 100",
            'e.toml: part capacity: rate_msg_s: a closed loop has no rate; write loop = "open"',
        ),
        (
            CAPACITY + "[settings]\nDB_POOL_SIZE = 3",
            "e.toml: settings.DB_POOL_SIZE: is a factor: write pool in",
        ),
        (CAPACITY + "[settings]\nPORT = 3", "e.toml: settings.PORT: is set by the sweep itself"),
        (CAPACITY + "[settings]\nNOSUCH = 3", "e.toml: settings.NOSUCH: no such variable of the server"),
        (
            CAPACITY + "[settings]\nDB_IDLE_TIMEOUT = -3",
            "e.toml: settings: DB_IDLE_TIMEOUT='-3': expected int >= 0",
        ),
        (CAPACITY + CAPACITY[CAPACITY.index("[[") :], "e.toml: part.name: 'capacity' is given to 2 parts"),
        (CAPACITY + "[[part.cells]]\npool = [1, 1]", "e.toml: part capacity: pool: 1 is given twice"),
        (
            CAPACITY + "[[part.cells]]\npool = [1, 2]\n[[part.cells]]\npool = 2",
            "e.toml: part capacity: cells: p2 is planned twice",
        ),
        (CAPACITY + "pool = []", "e.toml: part capacity: pool: an empty list: expected at least one level"),
        (CAPACITY + "cells = []", "e.toml: part[0].cells []: expected a list of at least one table"),
        (CAPACITY + "pool = 10_001", "e.toml: part[0].pool 10001: expected a whole number, 1 to 10,000"),
        (
            CAPACITY + "pool = 2\nnum_workers = 3",
            "part capacity: pool: 2 is below num_workers 3: each worker",
        ),
        (
            CAPACITY.replace("128", "100_001"),
            "e.toml: fixed.clients 100001: expected a whole number, 1 to 100,000",
        ),
        (CAPACITY + "partitions = 100_001", "part capacity: partitions: 100,001, expected at most 100,000"),
        (CAPACITY + "db_rtt_ms = inf", "e.toml: part[0].db_rtt_ms inf: expected a number, 0 to 60,000"),
        (CAPACITY + "db_rtt_ms = nan", "e.toml: part[0].db_rtt_ms nan: expected a number, 0 to 60,000"),
        (
            CAPACITY + "batch = 1000\npayload_bytes = 100_000",
            "e.toml: part capacity: batch: 1,000 × 100,000 bytes, more than 64 MiB in one push",
        ),
        (
            CAPACITY + 'loop = "open"\nrate_msg_s = 20_000_000',
            "e.toml: part capacity: rate_msg_s: more than 1,000,000 pushes/s",
        ),
        (
            CAPACITY + "[settings]\nMAX_CLIENTS = 143",
            "MAX_CLIENTS: 143 is too low for the 128 clients of part capacity: expected at least 144",
        ),
        (
            CAPACITY + "num_workers = 2\n[settings]\nMAX_CLIENTS = 71",
            "MAX_CLIENTS: 71 is too low for the 128 clients of part capacity: expected at least 72",
        ),
        (CAPACITY + '[settings]\n"a\\nb" = 3', "e.toml: settings.a b: no such variable of the server"),
        (
            CAPACITY + 'strategy = "x - at `$.title"',
            "e.toml: part[0].strategy 'x - at `$.title': expected sequential, batch or coalesce",
        ),
        (CAPACITY + '"a - at `$.b" = 1', "e.toml: part[0].a - at `$.b: no such key"),
        ('"a - at `$.b" = 1\n' + CAPACITY, "e.toml: a - at `$.b: no such key"),
        ('"a - at `$b" = 1\n' + CAPACITY, "e.toml: a - at `$b: no such key"),
        (
            CAPACITY + f"pool = 0x{'f' * 5_000}",
            "e.toml: part[0].pool (a huge number): expected a whole number, 1 to 10,000",
        ),
        (CAPACITY + f"pool = {'9' * 5_000}", "e.toml: a number has more digits than can be read"),
        (CAPACITY + f"pool = {'[' * 2_000}{']' * 2_000}", "e.toml: lists or tables are nested too deep"),
        (
            CAPACITY.replace('"t"', f'"t"\nseed = 0x{"f" * 5_000}'),
            "e.toml: seed (a huge number): expected a whole number, 0 to 1,000,000,000,000,000,000",
        ),
        (
            CAPACITY + f"[settings]\nMAX_CLIENTS = 0x{'f' * 5_000}",
            "e.toml: settings.MAX_CLIENTS: (a huge number): expected one of 64 bits at most",
        ),
        (CAPACITY + OPEN, "names 0 cells of the closed-loop parts before"),
        (
            CAPACITY + OPEN.replace("capacity(sequ", "capacty(sequ"),
            "is not a number or like '0.7 * capacity(",
        ),
        (
            CAPACITY + OPEN.replace("0.7", "7000"),
            "share '7000': expected a number above 0, at most 1,000",
        ),
        (
            CAPACITY + OPEN.replace('shape = "reasonable"', ""),
            "e.toml: part open: rate_msg_s: ",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_file_and_key(text: str, line: str) -> None:
    with pytest.raises(ExperimentError) as error:
        loads(text)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ExperimentError, match=r"^/nowhere/e.toml: No such file or directory$"):
        experiment_file.read(Path("/nowhere/e.toml"))
    with pytest.raises(ExperimentError, match=r"^nosuch: no such experiment file, nor .*quick"):
        experiment_file.ready("nosuch")


def test_a_short_warm_up_before_unsaid_time_outs_is_a_warning() -> None:
    capacity = CAPACITY + 'strategy = "sequential"'
    assert experiment_rules.warnings(loads(capacity + OPEN)) == ()
    (warning,) = experiment_rules.warnings(loads(capacity + OPEN.replace("connection_timeout_ms = 250", "")))
    assert "warm-up of 1 s is over before a request can time out (DB_CONNECTION_TIMEOUT 2 s)" in warning


@pytest.mark.parametrize("clients", [4_090, 5_000])
def test_more_clients_than_a_worker_takes_by_default_are_said_and_let_in(clients: int) -> None:
    many = loads(CAPACITY.replace("128", str(clients)))
    (warning,) = experiment_rules.warnings(many)
    assert f"{clients:,} clients, with 16 connections beside them, are more than the 4,096 conn" in warning
    assert warning.endswith(f"MAX_CLIENTS={clients + 16}")
    (planned,) = planned_cells(many, many.part[0])
    here = Database(host="h", port=1, user="u", name="n")
    assert server_settings(planned.cell, here, many.server_settings()).max_clients == clients + 16


@pytest.mark.parametrize("clients", [128, 4_080])
def test_clients_that_a_worker_takes_by_default_are_not_spoken_of(clients: int) -> None:
    assert experiment_rules.warnings(loads(CAPACITY.replace("128", str(clients)))) == ()


def test_what_the_experiment_says_of_connections_is_kept() -> None:
    for most in (144, 9000):
        said = loads(f"{CAPACITY}[settings]\nMAX_CLIENTS = {most}")
        (planned,) = planned_cells(said, said.part[0])
        assert experiment_rules.warnings(said) == ()
        here = Database(host="h", port=1, user="u", name="n")
        assert server_settings(planned.cell, here, said.server_settings()).max_clients == most


def test_the_warm_up_that_an_overload_needs() -> None:
    experiment = loads(CAPACITY + 'strategy = "sequential"' + OPEN)
    (planned,) = planned_cells(experiment, experiment.part[1])
    cell = planned.at_rate(12_000.0)
    assert experiment_rules.warmup_needed_s(cell, capacity_msg_s=6_000) == pytest.approx(0.5)
    assert experiment_rules.warmup_needed_s(cell, capacity_msg_s=12_000) is None


@pytest.mark.parametrize("path", sorted(READY_EXPERIMENTS.glob("*.toml")), ids=lambda path: path.stem)
def test_ready_experiments_are_right_and_survive_writing(path: Path) -> None:
    experiment = experiment_file.read(path)
    assert loads(experiment_file.dumps(experiment)) == experiment
    assert experiment_rules.warnings(experiment) == ()


levels = st.one_of(
    st.integers(1, 80), st.lists(st.integers(1, 80), min_size=1, max_size=4, unique=True).map(tuple)
)
factors = st.builds(
    Factors,
    pool=levels,
    batch=levels,
    strategy=st.one_of(st.sampled_from(PushStrategy), st.just(tuple(PushStrategy))),
    synchronous_commit=st.just("off"),
    db_rtt_ms=st.floats(0, 50),
)


@given(
    title=st.text(min_size=1, max_size=80),
    seed=st.integers(0, 2**31),
    cells=st.lists(factors, min_size=1, max_size=1).map(tuple),
    measure_s=st.floats(0.1, 100),
)
def test_any_experiment_survives_writing(
    title: str, seed: int, cells: tuple[Factors, ...], measure_s: float
) -> None:
    part = Part(name="capacity", warmup_s=0.5, measure_s=measure_s, blocks=3, cells=cells)
    experiment = Experiment(title=title, seed=seed, fixed=Factors(clients=128), part=(part,))
    assert loads(experiment_file.dumps(experiment)) == experiment
