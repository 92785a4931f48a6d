"""The smallest pool that is not shown to be worse than the best by more than a practical margin.

Looking for "the best" among noisy figures and then testing against it would be selection; so each pool is
compared with every other one at once. There is one standard of proof: a pool is excluded when some rival
is faster by a ratio that may be claimed anywhere in a report (`Ratio.shown`), and by more than the margin
at the lower end of its interval as well. That interval is widened for the rivals that are compared at
once: one-sided 1 - (1 - confidence) / (k - 1), by Bonferroni, on the pooled residual, and never narrower
than the two-sided one that is printed. So whoever reads an excluded pool's ratio finds a claim in it, and
an interval beyond the margin.

What is guaranteed, under the assumptions of the block model:

* P(the smallest pool within the margin of the true best is excluded) <= 1 - confidence, so with that
  confidence the recommended pool is no larger than it. This is the guarantee of multiple comparisons with
  the best (Hsu, Annals of Statistics 12 (1984) 1136-1144; Bonferroni in place of Dunnett's quantile:
  slightly wider, no equicorrelation needed); asking for `shown` besides only excludes less.
* "Not excluded" is not "proved equal": `loss_at_most` says how much slower than the best the recommended
  pool may still be. Its bounds fail for any pool at all with probability <= 1 - confidence, so that the
  choice among the pools does not weaken it.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from msgspec import Struct
from scipy.special import stdtrit

from reports.stats.block_model import CONFIDENCE, BlockModel, Ratio

C = TypeVar("C", bound=Hashable)

PRACTICAL_MARGIN = 0.05  # a smaller loss of throughput is not worth further connections
SETTLED_LOSS = 0.25  # while more than this may be lost, no single pool is recommended


class Exclusion(Struct, frozen=True):
    """Why a pool is out of the question: `rival` over `pool`, of its rivals the surest to beat it."""

    pool: int
    rival: int
    ratio: Ratio


class Knee(Struct, frozen=True):
    """The smallest sufficient pool of one curve, in connections, and how sure that is."""

    pool: int
    exclusions: tuple[Exclusion, ...]  # of pools shown to be below another by more than the margin
    not_excluded: tuple[int, ...]  # contains the best pool with the stated confidence
    loss_at_most: float  # 0.12: the true best may be up to 12 % above `pool`'s throughput
    margin: float = PRACTICAL_MARGIN
    confidence: float = CONFIDENCE

    @property
    def excluded(self) -> tuple[int, ...]:
        """The pools that are out of the question, in rising order."""
        return tuple(each.pool for each in self.exclusions)

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
    tail = (1 - confidence) / max(2, len(pools) - 1)
    quantile = float(stdtrit(model.degrees_of_freedom, 1 - tail))
    exclusions: list[Exclusion] = []
    loss_log: dict[int, float] = {}
    for pool in sorted(pools):
        compared = _against_rivals(model, pools, pool, quantile)
        if compared is None:
            return None
        loss_log[pool] = max(each.high for each in compared)
        surest = max(
            (each for each in compared if each.excludes(margin)), key=lambda each: each.low, default=None
        )
        if surest is not None:
            exclusions.append(Exclusion(pool, surest.rival, surest.ratio))
    excluded = {each.pool for each in exclusions}
    remaining = sorted(set(pools) - excluded)
    return Knee(
        pool=remaining[0],
        exclusions=tuple(exclusions),
        not_excluded=tuple(remaining),
        loss_at_most=max(0.0, -math.expm1(-loss_log[remaining[0]])),
        margin=margin,
        confidence=confidence,
    )


@dataclass(frozen=True)
class _Comparison:
    """`rival` over a pool; the bounds are of the ratio's logarithm, each one-sided."""

    rival: int
    ratio: Ratio
    low: float
    high: float

    def excludes(self, margin: float) -> bool:
        return self.ratio.shown and self.low > -math.log1p(-margin)


def _against_rivals(
    model: BlockModel[C], pools: Mapping[int, C], pool: int, quantile: float
) -> list[_Comparison] | None:
    """A pool's comparisons with all others; None when the design cannot make one of them."""
    compared: list[_Comparison] = []
    for rival, cell in pools.items():
        if rival == pool:
            continue
        ratio, found = model.ratio(cell, pools[pool]), model.log_ratio(cell, pools[pool])
        if ratio is None or found is None:
            return None
        estimate, error = found
        bounds = estimate - quantile * error, estimate + quantile * error
        compared.append(_Comparison(rival, ratio, *bounds))
    return compared
