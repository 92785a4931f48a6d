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
