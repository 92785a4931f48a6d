"""The same cell in two separate runs.

Each run has its own block model and residual; the difference of the two log levels has the standard
error sqrt(se_a² + se_b²) and Welch-Satterthwaite degrees of freedom (Welch, Biometrika 34 (1947) 28-35).
The interval knows the spread within each run only: what changed on the machine between the runs is in
the ratio, not in the interval.
"""

import math
from collections.abc import Hashable
from typing import TypeVar

from scipy.special import stdtrit

from reports.stats.block_model import CONFIDENCE, POWER, BlockModel, Interval, Ratio

C = TypeVar("C", bound=Hashable)


def ratio(cell: C, of: BlockModel[C], to: BlockModel[C], confidence: float = CONFIDENCE) -> Ratio | None:
    """`cell` in the run of `of` over the same cell in the run of `to`; None when either lacks it.

    Without a residual in both runs the ratio has no interval and supports no claim.
    """
    if cell not in of.cells or cell not in to.cells:
        return None
    one, other = of.log_level(cell), to.log_level(cell)
    if one is None or other is None:
        levels = of.level(cell), to.level(cell)
        if levels[0] is None or levels[1] is None:
            return None
        return Ratio(levels[0][0] / levels[1][0], None, None)
    difference = one[0] - other[0]
    error = math.hypot(one[1], other[1])
    if error == 0:
        return Ratio(math.exp(difference), None, None)
    freedom = error**4 / (one[1] ** 4 / of.degrees_of_freedom + other[1] ** 4 / to.degrees_of_freedom)
    margin = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    detectable = margin + float(stdtrit(freedom, POWER)) * error
    interval = Interval(math.exp(difference - margin), math.exp(difference + margin), confidence)
    return Ratio(math.exp(difference), interval, math.exp(detectable))
