"""What the block model promises: known ratios come back, and its 95 % is 95 %."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.stats.block_model import BlockModel, Observation, fit

TRUE_LEVELS = {1: 4_000.0, 5: 16_000.0, 20: 16_000.0, 50: 12_000.0}
REPEATS = 400


def simulate(
    rng: np.random.Generator,
    blocks: int = 4,
    noise_sd: float = 0.08,
    block_sd: float = 0.3,
    missing: frozenset[tuple[int, int]] = frozenset(),
) -> BlockModel[int]:
    drift = rng.normal(0, block_sd, blocks)
    return fit(
        [
            Observation(pool, block, level * math.exp(drift[block] + rng.normal(0, noise_sd)))
            for pool, level in TRUE_LEVELS.items()
            for block in range(blocks)
            if (pool, block) not in missing
        ]
    )


def coverage(missing: frozenset[tuple[int, int]] = frozenset()) -> float:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(REPEATS):
        ratio = simulate(rng, missing=missing).ratio(50, 5)
        assert ratio is not None and ratio.interval is not None
        covered += ratio.interval.contains(12 / 16)
    return covered / REPEATS


def test_an_interval_of_a_ratio_covers_the_truth_in_95_of_100_runs() -> None:
    assert coverage() == pytest.approx(0.95, abs=0.03)


def test_the_coverage_holds_for_incomplete_blocks() -> None:
    assert coverage(frozenset({(50, 0), (5, 1), (1, 3)})) == pytest.approx(0.95, abs=0.03)


def test_without_an_effect_a_difference_is_hardly_ever_claimed() -> None:
    rng = np.random.default_rng(2)
    ratios = [simulate(rng).ratio(20, 5) for _ in range(REPEATS)]
    assert sum(ratio is not None and ratio.shown for ratio in ratios) / REPEATS < 0.05


def test_an_effect_of_the_minimum_detectable_size_is_found_with_the_stated_power() -> None:
    rng = np.random.default_rng(3)
    detected = 0
    for _ in range(REPEATS):
        model = simulate(rng)
        true_sd_model = model.minimum_detectable(20, 5)
        assert true_sd_model is not None
        level = true_sd_model ** (0.08 / (model.residual_sd or 1))  # of the true sd, not of this draw's
        found = model.log_ratio(20, 5)
        assert found is not None
        estimate, error = found[0] + math.log(level), found[1]
        detected += abs(estimate / error) > 2.262  # t at 97.5 %, 9 degrees of freedom
    assert detected / REPEATS == pytest.approx(0.80, abs=0.05)


def test_a_block_that_missed_a_cell_does_not_bias_it() -> None:
    """Block 0 ran twice as fast; a plain average would credit that to the cells that were in it."""
    seen = [
        Observation(cell, block, (2.0 if block == 0 else 1.0) * 100) for cell in "ab" for block in (0, 1, 2)
    ]
    seen.remove(Observation("b", 0, 200.0))
    ratio = fit(seen).ratio("a", "b")
    assert ratio is not None
    assert ratio.ratio == pytest.approx(1.0)


def test_cells_that_share_no_block_are_not_compared() -> None:
    model = fit([Observation("a", 0, 1.0), Observation("b", 1, 2.0), Observation("c", 0, 3.0)])
    assert model.ratio("a", "b") is None
    assert model.ratio("c", "a") is not None


def test_one_block_gives_a_ratio_but_no_interval_and_no_claim() -> None:
    ratio = fit([Observation("a", 0, 1.0), Observation("b", 0, 9.0)]).ratio("b", "a")
    assert ratio is not None
    assert ratio.ratio == pytest.approx(9.0)
    assert ratio.interval is None
    assert not ratio.shown


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_a_value_without_a_logarithm_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        fit([Observation("a", 0, value)])


@given(
    scale=st.floats(1e-3, 1e6),
    values=st.lists(st.floats(1.0, 100.0), min_size=6, max_size=6),
)
@settings(max_examples=40, deadline=None)
def test_ratios_do_not_depend_on_the_unit(scale: float, values: list[float]) -> None:
    keys = [(cell, block) for cell in "ab" for block in range(3)]
    plain = fit([Observation(*key, value) for key, value in zip(keys, values, strict=True)]).ratio("a", "b")
    scaled = fit([Observation(*key, scale * value) for key, value in zip(keys, values, strict=True)])
    rescaled = scaled.ratio("a", "b")
    assert plain is not None and rescaled is not None
    assert rescaled.ratio == pytest.approx(plain.ratio, rel=1e-6)


@given(values=st.lists(st.floats(1.0, 100.0), min_size=6, max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_ratio_turned_round_is_its_inverse(values: list[float]) -> None:
    keys = [(cell, block) for cell in "ab" for block in range(3)]
    model = fit([Observation(*key, value) for key, value in zip(keys, values, strict=True)])
    there, back = model.ratio("a", "b"), model.ratio("b", "a")
    assert there is not None and back is not None
    assert there.ratio * back.ratio == pytest.approx(1.0)
