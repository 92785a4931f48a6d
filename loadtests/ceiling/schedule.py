"""In which order the cells of a round are measured. Pure."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def orders(cells: Sequence[T], rounds: int, seed: int) -> list[list[T]]:
    """Complete rounds, shuffled; every other round is the one before it backwards.

    So of any two cells each comes first as often as the other (in an even number of rounds), and what grows
    or warms up from cell to cell weighs on both alike.
    """
    randomness = random.Random(seed)
    found: list[list[T]] = []
    for number in range(rounds):
        if number % 2:
            found.append(found[-1][::-1])
        else:
            found.append(randomness.sample(list(cells), len(cells)))
    return found
