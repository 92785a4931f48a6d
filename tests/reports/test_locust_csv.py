"""Locust's own --csv output is read like a run of ours."""

from pathlib import Path

import pytest

from loadtests.results import ResultError
from reports import locust_csv
from reports.runs import one_unit, read_any
from tests.reports.synthetic import write_run

HEADER = (
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,"
    "Max Response Time,Average Content Size,Requests/s,Failures/s,"
    "50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"
)


def write_stats(path: Path, requests: int = 1_000, failed: int = 100, rate: float = 100.0) -> Path:
    figures = f"{requests},{failed},5,6.1,1,90,200,{rate},1.0,5,6,7,8,12,20,25,30,80,90,90"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}\nPOST,/api/v1/push,{figures}\n,Aggregated,{figures}\n")
    return path


def test_the_aggregated_row_counts_what_succeeded(tmp_path: Path) -> None:
    (trial,) = locust_csv.read_trials([write_stats(tmp_path / "pool-20_stats.csv")], batch=10)
    assert trial.cell.pool == 20
    assert trial.load.throughput_msg_s == pytest.approx(90 * 10)
    assert trial.load.service is not None
    assert trial.load.service.p99_ms == 30


def test_pool_and_strategy_may_stand_in_the_directory(tmp_path: Path) -> None:
    path = write_stats(tmp_path / "strategy-batch,pool=5" / "run_stats.csv")
    (trial,) = locust_csv.read_trials([path], batch=1)
    assert (trial.cell.strategy, trial.cell.pool) == ("batch", 5)


def test_the_history_gives_the_start(tmp_path: Path) -> None:
    path = write_stats(tmp_path / "pool-1_stats.csv")
    path.with_name("pool-1_stats_history.csv").write_text("Timestamp,User Count\n1767607200,1\n")
    (trial,) = locust_csv.read_trials([path], batch=1)
    assert trial.started_at.startswith("2026-01-05T10:00:00")


@pytest.mark.parametrize("given", ["pool-5", "pool-5_stats.csv", "pool-5_stats_history.csv", "."])
def test_prefix_file_and_directory_mean_the_same(tmp_path: Path, given: str) -> None:
    stats = write_stats(tmp_path / "pool-5_stats.csv")
    (tmp_path / "pool-5_stats_history.csv").write_text("Timestamp\n1\n")
    assert locust_csv.find(tmp_path / given) == [stats]


def test_a_file_without_a_pool_in_its_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"run_stats\.csv: name the file after its pool size"):
        locust_csv.read_trials([write_stats(tmp_path / "x" / "run_stats.csv")], batch=1)


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pool-5_stats.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ResultError, match=r"pool-5_stats\.csv: no row named Aggregated"):
        locust_csv.read_trials([path], batch=1)


def test_a_run_without_requests_is_refused(tmp_path: Path) -> None:
    path = write_stats(tmp_path / "pool-5_stats.csv", requests=0, failed=0, rate=0.0)
    with pytest.raises(ResultError, match=r"pool-5_stats\.csv: not a Locust statistics table"):
        locust_csv.read_trials([path], batch=1)


def test_a_path_that_is_neither_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="neither a run directory nor Locust"):
        read_any([tmp_path / "nothing"])


def test_requests_and_messages_are_not_put_on_one_axis(tmp_path: Path) -> None:
    csv = write_stats(tmp_path / "pool-5_stats.csv")
    run = write_run(tmp_path / "results")
    with pytest.raises(ResultError, match="--batch"):
        one_unit(read_any([run, csv]))
    assert one_unit(read_any([run, csv], batch=10)) == "messages"
