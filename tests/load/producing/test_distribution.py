from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.producing.distribution import parse_distribution


@pytest.mark.parametrize(
    ("text", "mean", "least", "fixed"),
    [
        ("300", 300, 300, True),
        ("0", 0, 0, True),
        ("200-2000", 1100, 200, False),
        ("100:0.9,10000:0.1", 1090, 100, False),
        ("10-20:3, 100:1", 36.25, 10, False),
        ("5:1,5:2", 5, 5, True),
    ],
)
def test_the_three_forms(text: str, mean: float, least: float, fixed: bool) -> None:
    found = parse_distribution(text)
    assert found.mean == pytest.approx(mean)
    assert (found.least, found.fixed) == (least, fixed)


@pytest.mark.parametrize(
    "text", ["", "many", "-5", "20-10", "10:0", "10:-1", "1,", "1:2:3", "nan", "5-inf", "1e400", "5:nan"]
)
def test_anything_else_is_one_line_that_names_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected 300, 200-2000 or 100:0\.9,10000:0\.1") as refusal:
        parse_distribution(text)
    assert "\n" not in str(refusal.value)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers())
def test_what_is_drawn_lies_in_a_choice(low: int, width: int, seed: int) -> None:
    found = parse_distribution(f"{low}-{low + width}:0.5,5000:0.5")
    randomness = Random(seed)
    for _ in range(20):
        number = found.draw(randomness)
        assert low <= number <= low + width or number == 5000


def test_weights_are_kept_and_a_seed_repeats() -> None:
    found = parse_distribution("1:0.9,2:0.1")
    drawn = [found.draw(Random(7)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    randomness = Random(1)
    twos = sum(found.draw(randomness) == 2 for _ in range(10_000))
    assert 850 < twos < 1150
