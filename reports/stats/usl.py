"""The Universal Scalability Law, and the pool at which throughput peaks - if the data determine it.

    X(N) = γ·N / (1 + σ·(N - 1) + κ·N·(N - 1)),      peak at N* = sqrt((1 - σ) / κ)

γ: throughput of one connection; σ: contention (what is serial); κ: coherency (what grows with every
pair). Gunther, *Guerrilla Capacity Planning* (2007), ch. 4-6. The pool size stands for N: true while
the pool is the concurrency that the database sees.

The peak is where such fits deceive: κ near 0 puts it anywhere. So its interval is a profile (Bates &
Watts, *Nonlinear Regression Analysis* (1988), ch. 6): every N* whose best fit is worse than the best
of all by no more than F allows, with the trial-to-trial residual of the block model as yardstick.
When the law itself does not fit (lack-of-fit F test), or the interval is not bounded, there is no peak.
"""

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import optimize, stats

from reports.stats.block_model import CONFIDENCE, BlockModel, Interval

C = TypeVar("C", bound=Hashable)
Vector = NDArray[np.float64]

LACK_OF_FIT_ALPHA = 0.05
LEAST_POINTS = 4  # three parameters and one degree of freedom to find the law wrong
_SIGMA_MAX, _SIGMA_POINTS, _ZOOMS = 0.999, 41, 3
_PEAK_GRID_POINTS = 400
_PEAK_GRID_SPAN = 100.0  # how far beyond the largest pool a peak still counts as located


class Scalability(Struct, frozen=True):
    """A fitted law. `peak` is None with the reason in `undetermined`."""

    gamma: float  # messages/s of one connection
    sigma: float
    kappa: float
    lack_of_fit_p: float  # probability of a misfit this large if the law held
    peak: float | None  # connections
    peak_interval: Interval | None
    undetermined: str = ""

    def throughput(self, pool: Vector) -> Vector:
        """X(N) for the given pool sizes, in the unit of the observations."""
        return np.exp(_log_usl(pool, math.log(self.gamma), self.sigma, self.kappa))


def fit(model: BlockModel[C], pools: Mapping[int, C]) -> Scalability | None:
    """Fit one curve of a block model. `pools` maps DB_POOL_SIZE to the model's cell.

    None with fewer than four pools, without a residual, or when the fit does not converge.
    """
    levels = {pool: model.log_level(cell) for pool, cell in sorted(pools.items())}
    known = {pool: level for pool, level in levels.items() if level is not None}
    if len(known) < LEAST_POINTS or model.residual_sd is None or model.residual_sd == 0:
        return None
    pool = np.array(list(known), dtype=float)
    log_level = np.array([level for level, _ in known.values()])
    # Within complete blocks the common part of the levels' errors shifts the whole curve and lands in
    # γ; what is left has variance sd² / trials.
    counts = np.array([model.trials[model.cells.index(pools[size])] for size in known], dtype=float)
    weight = counts / model.residual_sd**2
    parameters = _least_squares(pool, log_level, weight)
    if parameters is None:
        return None
    log_gamma, sigma, kappa = parameters
    misfit = float(_misfit(pool, log_level, weight, np.array(sigma), np.array(kappa)))
    lack = float(stats.f.sf(misfit / (len(known) - 3), len(known) - 3, model.degrees_of_freedom))
    allowed = misfit + float(stats.f.ppf(CONFIDENCE, 1, model.degrees_of_freedom))
    best = math.sqrt((1 - sigma) / kappa) if kappa > 0 else math.inf
    interval, reason = _peak_interval(pool, log_level, weight, allowed, best)
    if lack < LACK_OF_FIT_ALPHA:
        interval, reason = None, "the law does not fit these figures"
    peak = best if interval is not None else None
    return Scalability(math.exp(log_gamma), sigma, kappa, lack, peak, interval, reason)


def _log_usl(pool: Vector, log_gamma: float, sigma: float, kappa: float) -> Vector:
    return log_gamma + np.log(pool) - np.log1p(sigma * (pool - 1) + kappa * pool * (pool - 1))


def _least_squares(pool: Vector, log_level: Vector, weight: Vector) -> tuple[float, float, float] | None:
    start = (log_level[0] - math.log(pool[0]), 0.1, 0.5 / pool.max() ** 2)
    try:
        found, _ = optimize.curve_fit(
            _log_usl,
            pool,
            log_level,
            p0=start,
            sigma=1 / np.sqrt(weight),
            bounds=([-np.inf, 0.0, 0.0], [np.inf, _SIGMA_MAX, 1.0]),
            x_scale=(1.0, 0.1, 1 / pool.max() ** 2),
            max_nfev=2000,
        )
    except RuntimeError:  # scipy's word for "did not converge"
        return None
    return float(found[0]), float(found[1]), float(found[2])


def _misfit(pool: Vector, log_level: Vector, weight: Vector, sigma: Vector, kappa: Vector) -> Vector:
    """Weighted sum of squares with the best γ; any shape of (σ, κ), the result has the same."""
    sigma, kappa = sigma[..., None], kappa[..., None]
    shape = np.log(pool) - np.log1p(sigma * (pool - 1) + kappa * pool * (pool - 1))
    error = log_level - shape
    error = error - ((error * weight).sum(axis=-1) / weight.sum())[..., None]
    total: Vector = (weight * error**2).sum(axis=-1)
    return total


def _profile(pool: Vector, log_level: Vector, weight: Vector, peaks: Vector) -> Vector:
    """For each peak the smallest misfit over σ, by a grid that zooms in on its best point."""
    low, high = np.zeros_like(peaks), np.full_like(peaks, _SIGMA_MAX)
    best = np.full_like(peaks, np.inf)
    for _ in range(_ZOOMS):
        sigma = np.linspace(low, high, _SIGMA_POINTS, axis=-1)
        misfit = _misfit(pool, log_level, weight, sigma, (1 - sigma) / peaks[:, None] ** 2)
        at = misfit.argmin(axis=-1)
        best = np.minimum(best, misfit.min(axis=-1))
        centre = np.take_along_axis(sigma, at[:, None], axis=-1)[:, 0]
        step = (high - low) / (_SIGMA_POINTS - 1)
        low, high = np.maximum(centre - step, 0.0), np.minimum(centre + step, _SIGMA_MAX)
    return best


def _peak_interval(
    pool: Vector, log_level: Vector, weight: Vector, allowed: float, best: float
) -> tuple[Interval | None, str]:
    grid = np.geomspace(max(1.0, pool.min() / 4), pool.max() * _PEAK_GRID_SPAN, _PEAK_GRID_POINTS)
    if math.isfinite(best) and best < grid[-1]:
        grid = np.union1d(grid, np.geomspace(best / 1.2, best * 1.2, 101))
    inside = np.flatnonzero(_profile(pool, log_level, weight, grid) <= allowed)
    if inside.size == 0:
        return None, "the law does not fit these figures"
    if inside[-1] == grid.size - 1:
        return None, "throughput still rises or is flat at the largest pool: no upper bound of the peak"
    return Interval(float(grid[max(0, inside[0] - 1)]), float(grid[inside[-1] + 1])), ""
