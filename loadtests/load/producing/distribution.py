"""A distribution of numbers that fits on a command line: payload sizes, think times.

300                     always this
200-2000                evenly from this to that
100:0.9,10000:0.1       one of these, by weight; each may be a range
"""

import math
import random

from msgspec import Struct

FORMS = "expected 300, 200-2000 or 100:0.9,10000:0.1"


class Choice(Struct, frozen=True):
    """A number from `low` to `high`, evenly; drawn with a probability proportional to `weight`."""

    low: float
    high: float
    weight: float = 1.0


class Distribution(Struct, frozen=True):
    """What numbers are drawn from; at least one choice."""

    choices: tuple[Choice, ...]

    @property
    def mean(self) -> float:
        """The expected number."""
        weights = math.fsum(each.weight for each in self.choices)
        return math.fsum(each.weight * (each.low + each.high) / 2 for each in self.choices) / weights

    @property
    def least(self) -> float:
        """No number is lower."""
        return min(each.low for each in self.choices)

    @property
    def fixed(self) -> bool:
        """Whether it is always the same number."""
        return len({end for each in self.choices for end in (each.low, each.high)}) == 1

    def draw(self, randomness: random.Random) -> float:
        """A number."""
        choices = self.choices
        if len(choices) == 1:
            chosen = choices[0]
        else:
            (chosen,) = randomness.choices(choices, [each.weight for each in choices])
        return chosen.low if chosen.low == chosen.high else randomness.uniform(chosen.low, chosen.high)


def parse_distribution(text: str) -> Distribution:
    """Read one of the three forms. Raises ValueError with one line."""
    return Distribution(tuple(_choice(piece.strip(), text) for piece in text.split(",")))


def _choice(piece: str, text: str) -> Choice:
    numbers, _, weight = piece.partition(":")
    low, dash, high = numbers.partition("-")
    try:
        choice = Choice(float(low), float(high if dash else low), float(weight or 1))
    except ValueError:
        raise ValueError(f"{text!r}: {FORMS}") from None
    if not (0 <= choice.low <= choice.high < math.inf and 0 < choice.weight < math.inf):
        raise ValueError(f"{text!r}: {FORMS}")
    return choice
