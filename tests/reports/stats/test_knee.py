"""The knee: keeps the best pool, drops what is clearly worse, and says how much may be lost."""

import math

import numpy as np
import pytest

from reports.stats.block_model import BlockModel, Observation, fit
from reports.stats.knee import Knee, find

POOLS = (1, 5, 20, 50)


def model(
    levels: tuple[float, ...], noise_sd: float, rng: np.random.Generator, blocks: int = 4
) -> BlockModel[int]:
    return fit(
        [
            Observation(pool, block, level * math.exp(rng.normal(0, noise_sd)))
            for pool, level in zip(POOLS, levels, strict=True)
            for block in range(blocks)
        ]
    )


def knee_of(levels: tuple[float, ...], noise_sd: float, rng: np.random.Generator) -> Knee:
    found = find(model(levels, noise_sd, rng), {pool: pool for pool in POOLS})
    assert found is not None
    return found


def test_a_plateau_recommends_its_first_pool() -> None:
    found = knee_of((7_000, 17_000, 17_000, 17_000), 0.01, np.random.default_rng(1))
    assert found.pool == 5
    assert found.excluded == (1,)
    assert found.loss_at_most < 0.06
    assert not found.at_edge


def test_a_curve_that_still_rises_recommends_its_largest_pool_and_says_that_it_is_the_edge() -> None:
    found = knee_of((300, 1_400, 4_600, 9_900), 0.03, np.random.default_rng(2))
    assert found.pool == 50
    assert found.at_edge


def test_a_loss_within_the_margin_is_not_worth_more_connections() -> None:
    found = knee_of((100, 970, 1_000, 1_000), 0.001, np.random.default_rng(3))
    assert found.pool == 5
    assert found.loss_at_most == pytest.approx(0.03, abs=0.01)


def test_the_best_pool_is_kept_with_the_stated_confidence() -> None:
    """The least favourable case: all pools equal to the best but for exactly the margin."""
    rng = np.random.default_rng(4)
    kept = sum(5 in knee_of((600, 950, 1_000, 1_000), 0.08, rng).not_excluded for _ in range(400))
    assert kept / 400 >= 0.94


def test_the_stated_loss_is_an_upper_bound_of_the_true_loss() -> None:
    rng = np.random.default_rng(5)
    levels = dict(zip(POOLS, (600.0, 900.0, 1_000.0, 980.0), strict=True))
    held = 0
    for _ in range(400):
        found = knee_of(tuple(levels.values()), 0.08, rng)
        held += 1 - levels[found.pool] / 1_000 <= found.loss_at_most
    assert held / 400 >= 0.94


def test_noise_widens_the_stated_loss_instead_of_hiding_it() -> None:
    rng = np.random.default_rng(6)
    found = knee_of((500, 900, 1_000, 1_000), 0.5, rng)
    assert found.loss_at_most > 0.3
    assert not found.settled


def test_one_pool_or_one_block_has_no_knee() -> None:
    rng = np.random.default_rng(7)
    assert find(model((1, 2, 3, 4), 0.1, rng, blocks=1), {pool: pool for pool in POOLS}) is None
    assert find(model((1, 2, 3, 4), 0.1, rng), {5: 5}) is None
