"""The smallest pool that is not shown to be worse than the best by more than a practical margin.

Looking for "the best" among noisy figures and then testing against it would be selection; so each
pool is compared with every other one at once. A pool is excluded when some other pool is shown, by a
one-sided bound with Bonferroni's correction over the k - 1 comparisons, to be faster by more than the
margin. Then P(a pool that is within the margin of the true best is excluded) <= 1 - confidence, which
is the guarantee of multiple comparisons with the best (Hsu, Annals of Statistics 12 (1984) 1136-1144;
Bonferroni in place of Dunnett's quantile: slightly wider, no equicorrelation needed).

"Not excluded" is not "proved equal": `loss_at_most` says how much slower than the best the
smallest one may still be, at the same confidence.
"""

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

from msgspec import Struct
from scipy.special import stdtrit

from reports.stats.block_model import CONFIDENCE, BlockModel

C = TypeVar("C", bound=Hashable)

PRACTICAL_MARGIN = 0.05  # a smaller loss of throughput is not worth further connections
SETTLED_LOSS = 0.25  # while more than this may be lost, no single pool is recommended


class Knee(Struct, frozen=True):
    """The smallest sufficient pool of one curve, in connections, and how sure that is."""

    pool: int
    excluded: tuple[int, ...]  # pools shown to be below the best by more than the margin
    not_excluded: tuple[int, ...]  # contains the best pool with the stated confidence
    loss_at_most: float  # 0.12: the true best may be up to 12 % above `pool`'s throughput
    margin: float = PRACTICAL_MARGIN
    confidence: float = CONFIDENCE

    @property
    def settled(self) -> bool:
        """Whether the data single `pool` out: not so while it may lose more than `SETTLED_LOSS`."""
        return self.loss_at_most <= SETTLED_LOSS

    @property
    def at_edge(self) -> bool:
        """Whether the largest pool tried is the knee: the best may lie beyond what was measured."""
        return self.not_excluded[0] == max(self.not_excluded + self.excluded)


def find(
    model: BlockModel[C],
    pools: Mapping[int, C],
    margin: float = PRACTICAL_MARGIN,
    confidence: float = CONFIDENCE,
) -> Knee | None:
    """The knee of one curve. `pools` maps DB_POOL_SIZE to the cell of `model`.

    None when there are fewer than two pools, no residual degrees of freedom, or pools that the design
    cannot compare.
    """
    if len(pools) < 2 or model.residual_sd is None:
        return None
    tail = (1 - confidence) / (len(pools) - 1)
    quantile = float(stdtrit(model.degrees_of_freedom, 1 - tail))
    tolerated = -math.log1p(-margin)
    excluded: list[int] = []
    loss_log: dict[int, float] = {}
    for pool, cell in pools.items():
        bounds = [_bounds(model, rival, cell, quantile) for rival in pools.values() if rival != cell]
        comparable = [bound for bound in bounds if bound is not None]
        if len(comparable) < len(bounds):
            return None
        if max(low for low, _ in comparable) > tolerated:
            excluded.append(pool)
        loss_log[pool] = max(high for _, high in comparable)
    remaining = sorted(set(pools) - set(excluded))
    return Knee(
        pool=remaining[0],
        excluded=tuple(sorted(excluded)),
        not_excluded=tuple(remaining),
        loss_at_most=max(0.0, -math.expm1(-loss_log[remaining[0]])),
        margin=margin,
        confidence=confidence,
    )


def _bounds(model: BlockModel[C], rival: C, cell: C, quantile: float) -> tuple[float, float] | None:
    """One-sided lower and upper bound of ln(rival / cell)."""
    found = model.log_ratio(rival, cell)
    if found is None:
        return None
    estimate, error = found
    return estimate - quantile * error, estimate + quantile * error
