"""Result files: whole or not at all, read back as they were, and one clear line for anything else."""

import csv
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests import results
from loadtests.results import Ledger, LoadResult, ProducerLedger, ResultError, RunFiles, Sample, TrialFiles

LEDGER = Ledger(
    run_tag="t",
    queue="bench",
    producers=(ProducerLedger(producer=0, partition="p0", acknowledged=((0, 9),), unknown=((12, 12),)),),
)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    path = TrialFiles(tmp_path / "trials" / "000").ledger
    results.write(path, LEDGER)
    assert results.read(path, Ledger) == LEDGER
    assert [file.name for file in path.parent.iterdir()] == ["ledger.json"], "no temporary file is left"


def test_a_record_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    results.write(path, LEDGER)
    path.with_name("ledger.json.tmp").mkdir()
    with pytest.raises(OSError, match=r"ledger\.json\.tmp"):
        results.write(path, msgspec.structs.replace(LEDGER, queue="other"))
    assert results.read(path, Ledger) == LEDGER


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"", "not a Ledger of format 1"),
        (b'{"run_tag": "t"', "not a Ledger of format 1"),
        (b'{"run_tag": "\xff"}', "not a Ledger of format 1"),
        (b'{"run_tag": "t", "queue": "q"}', "missing required field `producers`"),
        (b'{"run_tag": "t", "queue": "q", "producers": [], "format": 2}', "format 2, this version reads 1"),
    ],
)
def test_what_is_no_record_is_one_line_that_names_the_file(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "ledger.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ResultError) as raised:
        results.read(path, Ledger)
    assert str(raised.value).startswith(f"{path}: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5, unique=True))
def test_trials_are_read_in_the_order_in_which_they_ran(
    tmp_path_factory: pytest.TempPathFactory, orders: list[int]
) -> None:
    run = RunFiles(tmp_path_factory.mktemp("run"))
    for order in orders:
        trial = results.Trial(
            trial_id=str(order),
            part="capacity",
            block=0,
            order=order,
            cell=results.Cell(),
            started_at="2026-01-01T00:00:00Z",
            load=LOAD,
        )
        results.write(run.trial(str(order)).trial, trial)
    run.trial("unfinished").root.mkdir()
    assert [trial.order for trial in results.read_trials(run)] == sorted(orders)


LOAD = LoadResult(
    started_at="2026-01-01T00:00:00Z",
    started_monotonic_s=1.0,
    warmup_s=0.0,
    measured_s=2.0,
    users=1,
    requests_sent=1,
    requests_ok=1,
    requests_not_done=0,
    requests_unknown=0,
    messages_acknowledged=10,
    total_messages_acknowledged=10,
    service=None,
    response=None,
)


def test_throughput_is_of_the_window_as_it_really_was() -> None:
    assert LOAD.throughput_msg_s == 5.0


def test_what_was_not_available_is_an_empty_cell_and_not_zero(tmp_path: Path) -> None:
    path = TrialFiles(tmp_path).samples
    results.write_samples(path, [Sample(t_s=-0.1, pool_total=0), Sample(t_s=0.0)])
    with path.open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert tuple(first) == Sample.__struct_fields__
    assert (first["t_s"], first["pool_total"], first["pool_idle"]) == ("-0.1", "0", "")
    assert (second["t_s"], second["pool_total"]) == ("0.0", "")


def trial_with(place: str, value: float) -> bytes:
    """trial.json of a trial with another figure at a place like `load.measured_s`."""
    trial = results.Trial(
        trial_id="000",
        part="capacity",
        block=0,
        order=0,
        cell=results.Cell(pool=5),
        started_at="2026-01-01T00:00:00Z",
        load=msgspec.structs.replace(LOAD, service=LATENCY),
        pool=results.PoolUse(**dict.fromkeys(POOL_FIGURES, 1)),
    )
    values = msgspec.to_builtins(trial)
    *tables, name = place.split(".")
    inner = values
    for table in tables:
        inner = inner[table]
    inner[name] = value
    return msgspec.json.encode(values)


LATENCY = results.Latency(count=1, p50_ms=1.0, p90_ms=1.0, p95_ms=1.0, p99_ms=1.0, p999_ms=1.0, max_ms=1.0)
POOL_FIGURES = (
    *("acquires", "timeouts", "connects", "lost"),
    *("hold_mean_ms", "wait_mean_ms", "busy_mean", "waiting_mean"),
    *("boarding_mean", "boarding_wait_mean_ms", "boarding_timeouts"),
)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("load.messages_acknowledged", -1),
        ("load.messages_acknowledged", 10**17),
        ("load.measured_s", 0),
        ("load.measured_s", -2.5),
        ("load.measured_s", 1e-300),
        ("load.measured_s", 1e30),
        ("load.service.p99_ms", -1.0),
        ("load.service.p99_ms", 1e30),
        ("cell.pool", 0),
        ("cell.batch", 0),
        ("cell.db_rtt_ms", -1),
        ("pool.acquires", 10**17),
        ("pool.hold_mean_ms", 1e30),
        *((f"pool.{name}", -1) for name in POOL_FIGURES),
        ("order", -1),
    ],
)
def test_a_figure_that_cannot_be_is_refused_by_its_name(tmp_path: Path, place: str, value: float) -> None:
    path = tmp_path / "trial.json"
    path.write_bytes(trial_with(place, 1))
    results.read(path, results.Trial)
    path.write_bytes(trial_with(place, value))
    with pytest.raises(ResultError, match=rf"trial\.json: not a Trial of format 1: .*`\$\.{place}`$"):
        results.read(path, results.Trial)


def test_a_number_that_no_machine_holds_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    huge = trial_with("load.messages_acknowledged", 123454321).replace(b"123454321", b"1" + b"0" * 30)
    path.write_bytes(huge)
    with pytest.raises(ResultError, match=r"load\.messages_acknowledged"):
        results.read(path, results.Trial)
