"""The law is recovered, its peak is covered, and no peak is named where the data hold none."""

import math

import numpy as np
import pytest

from reports.stats import usl
from reports.stats.block_model import Observation, fit

POOLS = (1, 2, 5, 10, 20, 50, 100)


def fitted(
    sigma: float, kappa: float, rng: np.random.Generator, noise_sd: float = 0.07
) -> usl.Scalability | None:
    seen = [
        Observation(
            pool,
            block,
            1_000
            * pool
            / (1 + sigma * (pool - 1) + kappa * pool * (pool - 1))
            * math.exp(rng.normal(0, noise_sd)),
        )
        for pool in POOLS
        for block in range(4)
    ]
    return usl.fit(fit(seen), {pool: pool for pool in POOLS})


def test_the_parameters_are_recovered() -> None:
    law = fitted(0.05, 0.001, np.random.default_rng(1), noise_sd=0.005)
    assert law is not None
    assert law.gamma == pytest.approx(1_000, rel=0.02)
    assert law.sigma == pytest.approx(0.05, abs=0.005)
    assert law.peak == pytest.approx(math.sqrt(0.95 / 0.001), rel=0.03)


def test_the_interval_of_the_peak_covers_the_truth() -> None:
    rng = np.random.default_rng(2)
    truth, covered, named = math.sqrt(0.95 / 0.001), 0, 0
    for _ in range(120):
        law = fitted(0.05, 0.001, rng)
        assert law is not None
        if law.peak_interval is not None:
            named += 1
            covered += law.peak_interval.contains(truth)
    assert named > 90
    assert covered / named >= 0.92


def test_a_curve_that_only_saturates_has_no_peak_and_says_why() -> None:
    rng = np.random.default_rng(3)
    laws = [fitted(0.2, 0.0, rng) for _ in range(40)]
    peaks = [law for law in laws if law is not None and law.peak is not None]
    assert len(peaks) <= 4
    assert any(law is not None and "no upper bound" in law.undetermined for law in laws)


def test_a_curve_of_another_kind_is_called_a_misfit() -> None:
    rng = np.random.default_rng(4)
    steps = dict(zip(POOLS, (100, 100, 100, 1_000, 1_000, 100, 1_000), strict=True))
    seen = [
        Observation(pool, block, level * math.exp(rng.normal(0, 0.05)))
        for pool, level in steps.items()
        for block in range(4)
    ]
    law = usl.fit(fit(seen), {pool: pool for pool in POOLS})
    assert law is not None
    assert law.peak is None
    assert "does not fit" in law.undetermined


def test_three_points_are_too_few() -> None:
    seen = [Observation(pool, block, float(pool)) for pool in (1, 2, 5) for block in range(4)]
    assert usl.fit(fit(seen), {pool: pool for pool in (1, 2, 5)}) is None
