"""Files become tidy frames; bad files become one line that names them."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from loadtests.results import LATER_COLUMNS, Cell, ResultError, RunFiles, Sample
from reports import dataset
from reports.dataset import Dataset
from tests.reports.synthetic import World, write_run

SMALL = World(laws={("batch", 0.0): World().laws["batch", 0.0]}, pools=(1, 5), blocks=2, timeout_pools=())
TINY = replace(SMALL, pools=(5,), blocks=1)


def test_there_is_one_row_a_trial_with_every_factor_under_its_own_name(loaded: Dataset) -> None:
    assert len(loaded.trials) == 4 * 4 * 4 + 2 * 4
    assert set(Cell.__struct_fields__) <= set(loaded.trials.columns)
    assert loaded.trials["trial_id"].is_unique


def test_dtypes_are_the_documented_ones(loaded: Dataset) -> None:
    kinds = loaded.trials.dtypes.astype(str)
    assert kinds["pool"] == "Int64"
    assert kinds["throughput_msg_s"] == "float64"
    assert kinds["block"] == "int64"
    assert kinds["valid"] == "bool"
    assert kinds["strategy"] == "string"


def test_figures_keep_their_units(loaded: Dataset) -> None:
    row = loaded.trials.iloc[0]
    assert row["throughput_msg_s"] == pytest.approx(row["pushes_s"] * row["batch"], rel=0.01)
    assert row["server_cpu_cores"] == pytest.approx(0.8)


def test_samples_carry_the_factors_of_their_trial(loaded: Dataset) -> None:
    assert set(Sample.__struct_fields__) <= set(loaded.samples.columns)
    idle = loaded.samples["pool_idle"]
    assert ((idle >= 0) & (idle <= loaded.samples["pool"].astype(float))).all()


def test_latency_is_merged_over_trials_and_its_range_is_that_of_single_trials(loaded: Dataset) -> None:
    rows = loaded.latency[loaded.latency["part"] == "capacity"]
    assert (rows["trials"] == 4).all()
    assert ((rows["p95_low_ms"] <= rows["p95_ms"]) & (rows["p95_ms"] <= rows["p95_high_ms"])).all()


def test_several_runs_are_told_apart(tmp_path: Path) -> None:
    first = write_run(tmp_path, SMALL)
    second = write_run(tmp_path, World(**{**vars(SMALL), "run_id": "other"}))
    assert set(dataset.load([first, second]).trials["run_id"]) == {"synthetic", "other"}


def test_percentiles_of_several_trials_without_histograms_are_not_made_up(tmp_path: Path) -> None:
    run = write_run(tmp_path, World(**{**vars(SMALL), "sample_files": False}))
    loaded = dataset.load([run])
    assert loaded.latency["p99_ms"].isna().all()
    assert loaded.latency["p99_high_ms"].notna().all()
    assert loaded.samples.empty


def test_an_invalid_trial_is_listed_but_not_in_the_latencies(tmp_path: Path) -> None:
    from loadtests.results import Invalidity

    fatal = {0: (Invalidity(reason="missed", detail="3 % missed", fatal=True),)}
    loaded = dataset.load([write_run(tmp_path, World(**{**vars(SMALL), "remarks": fatal}))])
    row = loaded.trials[loaded.trials["order"] == 0].iloc[0]
    assert not row["valid"]
    assert row["remarks"] == "missed: 3 % missed"
    assert loaded.latency["trials"].min() == 1


def test_only_an_open_loop_has_a_clock_from_the_intended_start(tmp_path: Path) -> None:
    loaded = dataset.load([write_run(tmp_path, World(**{**vars(SMALL), "timeout_pools": (1, 2)}))])
    clocks = loaded.latency.groupby("loop")["clock"].agg(set).to_dict()
    assert clocks == {"closed": {"service"}, "open": {"service", "response"}}
    told = loaded.trials[loaded.trials["response_p99_ms"].notna()]
    assert set(told["loop"]) == {"open"}
    assert loaded.trials["service_p99_ms"].notna().all()


def first_trial(run: Path) -> Path:
    return sorted(RunFiles(run).trials.iterdir())[0]


def test_a_broken_trial_file_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path, SMALL)
    (first_trial(run) / "trial.json").write_text("{")
    with pytest.raises(ResultError, match=r"trial\.json: not a Trial"):
        dataset.load([run])


def test_a_file_of_another_format_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path, SMALL)
    manifest = json.loads(RunFiles(run).manifest.read_text())
    RunFiles(run).manifest.write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(ResultError, match=r"manifest\.json: format 99"):
        dataset.load([run])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("", "not a table"), ("t_s,pool_total\n0,1\n", "no column"), ("t_s\nsoon\n", "not a table")],
)
def test_broken_samples_are_named(tmp_path: Path, content: str, complaint: str) -> None:
    run = write_run(tmp_path, SMALL)
    (first_trial(run) / "samples.csv").write_text(content)
    with pytest.raises(ResultError, match=rf"samples\.csv: {complaint}"):
        dataset.load([run])


@pytest.mark.parametrize(
    ("column", "figure"),
    [
        *((name, "-1") for name in Sample.__struct_fields__ if name != "t_s"),
        *(("pool_waiting", figure) for figure in ("-1e-9", "1e16", "inf", "-inf")),
    ],
)
def test_a_sample_that_no_sampler_gives_is_named(tmp_path: Path, column: str, figure: str) -> None:
    run = write_run(tmp_path, TINY)
    path = first_trial(run) / "samples.csv"
    rows = pd.read_csv(path, dtype="str")
    rows.loc[2, column] = figure
    rows.to_csv(path, index=False)
    with pytest.raises(ResultError, match=rf"samples\.csv: {column} in row 3: \S+, expected 0 to 1,000,0"):
        dataset.load([run])


def test_a_sample_has_an_instant_and_what_is_not_known_is_empty(tmp_path: Path) -> None:
    run = write_run(tmp_path, SMALL)
    path = first_trial(run) / "samples.csv"
    rows = pd.read_csv(path, dtype="str")
    rows.loc[0, "pool_total"] = None
    rows.to_csv(path, index=False)
    assert dataset.load([run]).samples["pool_total"].isna().any()
    rows.loc[0, "t_s"] = None
    rows.to_csv(path, index=False)
    with pytest.raises(ResultError, match=r"samples\.csv: t_s in row 1: nan, expected -1,000,0"):
        dataset.load([run])


def test_samples_from_before_a_column_was_there_are_read(tmp_path: Path) -> None:
    run = write_run(tmp_path, SMALL)
    for path in RunFiles(run).trials.glob("*/samples.csv"):
        rows = pd.read_csv(path)
        rows.drop(columns=list(LATER_COLUMNS)).to_csv(path, index=False)
    samples = dataset.load([run]).samples
    assert len(samples) > 0
    assert samples[list(LATER_COLUMNS)].isna().all(axis=None)
    assert samples["pool_total"].notna().all()


def test_a_run_without_a_finished_trial_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path, World(blocks=0, timeout_pools=()))
    with pytest.raises(ResultError, match="no finished trial"):
        dataset.load([run])


def test_empty_frames_have_their_columns(tmp_path: Path) -> None:
    samples = dataset.load([write_run(tmp_path, World(**{**vars(SMALL), "sample_files": False}))]).samples
    assert isinstance(samples, pd.DataFrame)
    assert samples.empty
    assert {"run_id", "pool", "direct_rtt_ms", "pool_waiting"} <= set(samples.columns)
