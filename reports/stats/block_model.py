"""Log throughput as block effect + cell effect, and ratios of cells with honest intervals.

The model is that of a randomised complete block design (Box, Hunter & Hunter, *Statistics for
Experimenters*, 2nd ed. 2005, ch. 4), fitted by least squares on the logarithm:

    ln y[c, b] = cell[c] + block[b] + error,     error ~ N(0, sd²)

* A block is one pass over all cells in random order, so that a drifting machine moves all cells of a
  block alike and the block effect removes it.
* One residual sd is pooled over all cells: three or four repeats of one cell alone give no 95 %
  interval that is of use, and a bootstrap of so few covers far less.
* Differences of logs are ratios (geometric means), intervals are Student's t.
* Missing cells are no special case: least squares adjusts for the blocks that a cell missed. A ratio
  that the data cannot estimate (cells that share no chain of blocks) is `None`.

Assumption to keep in mind: the relative spread is about the same in every cell.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import stdtrit

C = TypeVar("C", bound=Hashable)

CONFIDENCE = 0.95
POWER = 0.80
Vector = NDArray[np.float64]


class Interval(Struct, frozen=True):
    """A two-sided confidence interval."""

    low: float
    high: float
    confidence: float = CONFIDENCE

    def contains(self, value: float) -> bool:
        """Whether `value` is compatible with the data at this confidence."""
        return self.low <= value <= self.high


class Ratio(Struct, frozen=True):
    """One cell over another. Dimensionless."""

    ratio: float
    interval: Interval | None  # None: no residual degrees of freedom
    minimum_detectable: float | None  # ratio > 1 found with 80 % power at 5 %, in either direction

    @property
    def shown(self) -> bool:
        """Whether a difference may be claimed: 1 is outside and the effect is at least detectable."""
        if self.interval is None or self.minimum_detectable is None or self.interval.contains(1.0):
            return False
        return abs(math.log(self.ratio)) >= math.log(self.minimum_detectable)

    @property
    def too_small(self) -> bool:
        """Whether 1 is outside the interval, but the effect below what is detectable."""
        return self.interval is not None and not self.interval.contains(1.0) and not self.shown


@dataclass(frozen=True)
class Observation(Generic[C]):
    """One valid trial. `value` is positive, in any unit."""

    cell: C
    block: Hashable
    value: float


@dataclass(frozen=True)
class BlockModel(Generic[C]):
    """A fitted model. Use `fit`."""

    cells: tuple[C, ...]
    trials: tuple[int, ...]  # per cell
    blocks: int
    degrees_of_freedom: int
    residual_sd: float | None  # of ln y: 0.07 is about 7 %; None without degrees of freedom
    _log_levels: Vector
    _unscaled_covariance: NDArray[np.float64]  # of the cell effects, to be multiplied by sd²
    _estimable: NDArray[np.float64]  # projector onto what the design can estimate
    _design_width: int

    def level(self, cell: C) -> tuple[float, Interval | None] | None:
        """A cell's geometric mean in an average block, in the unit of the observations.

        The interval has the common drift of the blocks removed: it is made for comparing cells of this
        model, not for predicting another day. `None` when the cell missed blocks that nothing links.
        """
        return self._exponential(self._contrast((cell, 1.0)), CONFIDENCE)

    def ratio(self, of: C, to: C, confidence: float = CONFIDENCE) -> Ratio | None:
        """`of` over `to`, with a t interval; None when the design cannot estimate it."""
        contrast = self._contrast((of, 1.0), (to, -1.0))
        found = self._exponential(contrast, confidence)
        if found is None:
            return None
        return Ratio(found[0], found[1], self.minimum_detectable(of, to))

    def log_ratio(self, of: C, to: C) -> tuple[float, float] | None:
        """ln(of / to) and its standard error; None when not estimable or without residual."""
        return self._log_estimate(self._contrast((of, 1.0), (to, -1.0)))

    def log_level(self, cell: C) -> tuple[float, float] | None:
        """ln(level) and its standard error; None when not estimable or without residual."""
        return self._log_estimate(self._contrast((cell, 1.0)))

    def minimum_detectable(
        self, of: C, to: C, alpha: float = 1 - CONFIDENCE, power: float = POWER
    ) -> float | None:
        """Smallest true ratio (> 1) that a two-sided test at `alpha` finds with probability `power`.

        exp((t[1 - alpha/2] + t[power]) · se): Bloom, "Minimum detectable effects", Evaluation
        Review 19 (1995), on the log scale. None without residual degrees of freedom.
        """
        contrast = self._contrast((of, 1.0), (to, -1.0))
        if self.residual_sd is None or not self._is_estimable(contrast):
            return None
        quantiles = stdtrit(self.degrees_of_freedom, [1 - alpha / 2, power])
        return math.exp(float(quantiles.sum()) * self._standard_error(contrast))

    def _contrast(self, *terms: tuple[C, float]) -> Vector:
        contrast = np.zeros(self._design_width)
        for cell, weight in terms:
            contrast[self.cells.index(cell)] += weight
        return contrast

    def _is_estimable(self, contrast: Vector) -> bool:
        return bool(np.allclose(contrast @ self._estimable, contrast, atol=1e-8))

    def _standard_error(self, contrast: Vector) -> float:
        assert self.residual_sd is not None
        weights = contrast[: len(self.cells)]
        return self.residual_sd * math.sqrt(float(weights @ self._unscaled_covariance @ weights))

    def _log_estimate(self, contrast: Vector) -> tuple[float, float] | None:
        if not self._is_estimable(contrast) or self.residual_sd is None:
            return None
        return float(contrast[: len(self.cells)] @ self._log_levels), self._standard_error(contrast)

    def _exponential(self, contrast: Vector, confidence: float) -> tuple[float, Interval | None] | None:
        if not self._is_estimable(contrast):
            return None
        estimate = float(contrast[: len(self.cells)] @ self._log_levels)
        if self.residual_sd is None:
            return math.exp(estimate), None
        quantile = float(stdtrit(self.degrees_of_freedom, (1 + confidence) / 2))
        margin = quantile * self._standard_error(contrast)
        interval = Interval(math.exp(estimate - margin), math.exp(estimate + margin), confidence)
        return math.exp(estimate), interval


def fit(observations: Sequence[Observation[C]]) -> BlockModel[C]:
    """Fit the model. Raises ValueError for no observations or a value that is not positive."""
    if not observations:
        raise ValueError("no observations")
    if any(not seen.value > 0 for seen in observations):
        raise ValueError("values must be positive: a cell without throughput has no logarithm")
    cells = tuple(dict.fromkeys(seen.cell for seen in observations))
    blocks = tuple(dict.fromkeys(seen.block for seen in observations))
    design = _design(observations, cells, blocks)
    inverse = np.linalg.pinv(design)
    logs = np.log(np.array([seen.value for seen in observations], dtype=np.float64))
    effects = np.asarray(inverse @ logs, dtype=np.float64)
    freedom = len(observations) - int(np.linalg.matrix_rank(design))
    residual = float(((logs - design @ effects) ** 2).sum())
    width = len(cells)
    return BlockModel(
        cells=cells,
        trials=tuple(sum(seen.cell == cell for seen in observations) for cell in cells),
        blocks=len(blocks),
        degrees_of_freedom=freedom,
        residual_sd=math.sqrt(residual / freedom) if freedom > 0 else None,
        _log_levels=effects[:width],
        _unscaled_covariance=(inverse @ inverse.T)[:width, :width],
        _estimable=inverse @ design,
        _design_width=design.shape[1],
    )


def _design(
    observations: Sequence[Observation[C]], cells: tuple[C, ...], blocks: tuple[Hashable, ...]
) -> NDArray[np.float64]:
    """One column a cell, one a block but the last; block effects sum to zero, so levels are averages."""
    design = np.zeros((len(observations), len(cells) + len(blocks) - 1))
    for row, seen in enumerate(observations):
        design[row, cells.index(seen.cell)] = 1.0
        block = blocks.index(seen.block)
        if block < len(blocks) - 1:
            design[row, len(cells) + block] = 1.0
        else:
            design[row, len(cells) :] = -1.0
    return design
