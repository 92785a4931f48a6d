"""A recommendation is as sure as its knee, and a bound is never rounded in its favour."""

import pytest

from reports import recommendation
from reports.stats.knee import Knee
from reports.verdict import Verdict


def knee(loss_at_most: float) -> Knee:
    return Knee(pool=5, exclusions=(), not_excluded=(5, 20), loss_at_most=loss_at_most)


@pytest.mark.parametrize(
    ("loss_at_most", "told"),
    [
        (0.0, "no other pool is faster, with 95% confidence"),
        (0.001, "at most 1% below the best pool, with 95% confidence"),
        (0.12, "at most 12% below the best pool, with 95% confidence"),
        (0.121, "at most 13% below the best pool, with 95% confidence"),
    ],
)
def test_the_loss_is_rounded_up(loss_at_most: float, told: str) -> None:
    assert recommendation.loss([knee(0.0), knee(loss_at_most)]) == told


def test_there_is_a_size_for_each_round_trip(verdict: Verdict) -> None:
    local, far = recommendation.sizes(verdict.curves)
    assert local.endswith(" locally")
    assert far.endswith(" with 2 ms round trip")


def test_without_a_curve_there_is_none() -> None:
    assert recommendation.sizes(()) == []
