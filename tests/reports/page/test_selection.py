"""The trials that are shown over time: valid ones, and two that differ in their pool alone."""

from pathlib import Path

import pytest

from loadtests.results import Invalidity
from reports import dataset
from reports.dataset import Dataset
from reports.judge import judge
from reports.page.selection import timeline_samples
from reports.verdict import Verdict
from tests.reports.synthetic import Law, World, write_run

FATAL = (Invalidity(reason="missed", detail="2 % missed", fatal=True),)
ONE_CURVE = {("batch", 0.0): Law(8_000, 0.5)}


def shown(data: Dataset, found: Verdict) -> list[str]:
    return list(dict.fromkeys(timeline_samples(data, found)["trial_id"]))


def test_time_outs_are_shown_beside_the_smallest_pool_without_any(loaded: Dataset, verdict: Verdict) -> None:
    assert [name.split("-", 1)[1] for name in shown(loaded, verdict)] == [
        "timeouts-sequential-rtt0-pool1-b0",
        "timeouts-sequential-rtt0-pool5-b0",
    ]


def test_an_invalid_trial_is_not_shown(tmp_path: Path) -> None:
    world = World(laws=ONE_CURVE, pools=(1, 5), blocks=2, timeout_pools=(), remarks={0: FATAL, 1: FATAL})
    data = dataset.load([write_run(tmp_path, world)])
    names = shown(data, judge(data))
    assert len(names) == 2
    assert all(name.endswith("-b1") for name in names)


def test_the_two_trials_differ_in_their_pool_alone(tmp_path: Path) -> None:
    """Two runs with different numbers of clients and the same strategy, round trip and pools."""
    halves = [
        write_run(
            tmp_path,
            World(laws=ONE_CURVE, clients=clients, run_id=f"clients{clients}", timeout_pools=(), pools=pools),
        )
        for clients, pools in ((128, (50,)), (16, (1, 50)))
    ]
    data = dataset.load(halves)
    samples = timeline_samples(data, judge(data))
    assert set(samples["pool"]) == {1, 50}
    assert set(samples["clients"]) == {16}


@pytest.mark.parametrize("sample_files", [True, False])
def test_a_run_without_a_curve_shows_its_first_sampled_trial_if_any(
    tmp_path: Path, sample_files: bool
) -> None:
    silent = frozenset({("batch", 0.0, 1, 0)})
    world = World(
        laws=ONE_CURVE, pools=(1,), blocks=1, silent=silent, timeout_pools=(), sample_files=sample_files
    )
    data = dataset.load([write_run(tmp_path, world)])
    assert len(shown(data, judge(data))) == int(sample_files)
