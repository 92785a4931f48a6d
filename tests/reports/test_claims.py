"""What is said of a ratio is what it may claim, and a recommendation rests on nothing less."""

import re
from pathlib import Path

import pytest

from reports import claims, dataset, recommendation
from reports.judge import judge
from reports.stats.block_model import Interval, Ratio
from reports.stats.knee import Exclusion
from reports.verdict import Precision
from tests.reports.synthetic import World, write_run


def test_a_ratio_is_given_with_its_interval() -> None:
    assert claims.ratio(Ratio(2.14, Interval(2.05, 2.24), 1.1)) == "×2.14 [2.05–2.24]"


def test_a_ratio_that_may_be_one_claims_nothing() -> None:
    assert claims.ratio(Ratio(1.01, Interval(0.9, 1.1), 1.15)).endswith("no difference shown")


def test_a_ratio_below_the_minimum_detectable_effect_is_too_small_to_claim() -> None:
    assert claims.ratio(Ratio(1.05, Interval(1.01, 1.1), 1.15)).endswith("], too small to claim")
    assert claims.ratio(Ratio(0.72, Interval(0.57, 0.92), 1.5)).endswith("], too small to claim")


def test_what_too_small_means_is_told_once_with_the_least_that_can_be_claimed() -> None:
    part = Precision(
        part="capacity", blocks=4, degrees_of_freedom=9, residual_sd=0.1, minimum_detectable=1.25
    )
    told = claims.how_to_read([part])
    assert "×1.25 and more or ×0.80 and less (capacity)" in told
    assert "a pool is out only when another beats it by such a ratio, and by more than 5% at" in told
    assert "What can be claimed" not in claims.how_to_read()


def test_a_ratio_without_an_interval_says_why() -> None:
    assert "no difference can be shown" in claims.ratio(Ratio(9.0, None, None))


def test_an_excluded_pool_is_told_with_the_ratio_that_excludes_it() -> None:
    found = Exclusion(1, 5, Ratio(1.79, Interval(1.48, 2.18), 1.3))
    assert claims.exclusion(found) == "1 (pool 5 is ×1.79 [1.48–2.18] as fast)"


@pytest.mark.parametrize("seed", range(6))
def test_no_pool_is_recommended_over_a_smaller_one_by_a_difference_that_is_no_claim(
    tmp_path: Path, seed: int
) -> None:
    """In noise, where the one standard of proof and a laxer one part: each smaller pool has its claim."""
    verdict = judge(dataset.load([write_run(tmp_path, World(noise_sd=0.18, seed=seed, sample_files=False))]))
    for curve in verdict.curves:
        assert curve.knee is not None
        smaller = {seen.cell.pool for seen in curve.cells if (seen.cell.pool or 0) < curve.knee.pool}
        claimed = {each.pool: claims.ratio(each.ratio) for each in curve.knee.exclusions}
        assert smaller <= set(claimed)
        for told in claimed.values():
            assert re.fullmatch(r"×\S+ \[\S+\]", told)
            assert told in recommendation.knee(curve)
