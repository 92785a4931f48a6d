"""A ratio worked out in each round, and what the rounds say together.

Paired: both windows are of the same round, so that what moves a whole round (a slower disk, a busy neighbour)
moves both alike. The interval is Student's t over the logarithms of the rounds' ratios (the paired comparison
of Box, Hunter & Hunter, *Statistics for Experimenters*, 2nd ed. 2005, ch. 3); the middle shown is the median.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median, stdev

from msgspec import Struct
from scipy.special import stdtrit

from reports.stats.block_model import CONFIDENCE, Interval


class Spread(Struct, frozen=True):
    """Figures of several rounds."""

    median: float
    lowest: float
    highest: float
    interval: Interval | None  # of the geometric mean; None: fewer than two rounds, or a figure of zero
    rounds: int


def spread(values: Sequence[float]) -> Spread | None:
    """What the rounds say together; None of no round."""
    if not values:
        return None
    return Spread(median(values), min(values), max(values), _interval(values), len(values))


def _interval(values: Sequence[float]) -> Interval | None:
    if len(values) < 2 or min(values) <= 0:
        return None
    logs = [math.log(value) for value in values]
    margin = float(stdtrit(len(logs) - 1, (1 + CONFIDENCE) / 2)) * stdev(logs) / math.sqrt(len(logs))
    middle = fmean(logs)
    return Interval(math.exp(middle - margin), math.exp(middle + margin))
