"""Ratios in words, and the one standard of what may be claimed of them: in a table, of a pool, anywhere.

`Ratio.shown` decides and nothing here; `how_to_read` tells a reader what it means, and that a pool is left
out of a recommendation by the same standard (`reports.stats.knee`).
"""

from collections.abc import Iterable

from reports.stats.block_model import Ratio
from reports.stats.knee import PRACTICAL_MARGIN, Exclusion
from reports.verdict import Precision


def ratio(found: Ratio) -> str:
    """×1.01 [0.90–1.10], no difference shown."""
    return ", ".join(filter(None, (figure(found), doubt(found))))


def figure(found: Ratio) -> str:
    """×1.01 [0.90–1.10]: a ratio with its interval, if it has one."""
    if found.interval is None:
        return f"×{times(found.ratio)}"
    return f"×{times(found.ratio)} [{times(found.interval.low)}–{times(found.interval.high)}]"


def doubt(found: Ratio) -> str:
    """Why a ratio is no claim; "" when it is one. `how_to_read` explains the words."""
    if found.shown:
        return ""
    if found.interval is None:
        return "one block only: no difference can be shown"
    return "too small to claim" if found.too_small else "no difference shown"


def exclusion(found: Exclusion) -> str:
    """1 (pool 5 is ×1.79 [1.48–2.18] as fast)."""
    return f"{found.pool} (pool {found.rival} is {figure(found.ratio)} as fast)"


def how_to_read(precisions: Iterable[Precision] = ()) -> str:
    """What the figures and words of `ratio` mean; of `precisions`, what each part can claim and exclude."""
    least = [
        f"×{times(found.minimum_detectable)} and more or ×{times(1 / found.minimum_detectable)} and less "
        f"({found.part})"
        for found in precisions
        if found.minimum_detectable is not None
    ]
    return (
        "×2.0 [1.9–2.1] is a ratio with its 95% interval. “No difference shown”: 1 lies inside the interval. "
        "“Too small to claim”: 1 lies outside, but trials that differ among themselves like these would find "
        "such a difference in fewer than four of five sweeps, and tend to overstate it then."
        f"{_what_can_be_claimed(least) if least else ''}"
    )


def times(value: float) -> str:
    """1.01, 12.2, 120: a ratio without its sign."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _what_can_be_claimed(least: Iterable[str]) -> str:
    return (
        f" What can be claimed here: {'; '.join(least)}. The recommendations rest on nothing else: a pool is "
        f"out only when another beats it by such a ratio, and by more than {PRACTICAL_MARGIN:.0%} at the "
        "lower end of the interval as well (which is widened for a pool with more than two rivals)."
    )
