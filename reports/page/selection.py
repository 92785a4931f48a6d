"""Which trials are shown over time: two that differ in one thing, a small pool and a sufficient one."""

from collections.abc import Sequence

import pandas as pd

from reports.verdict import Curve, TimeoutCount, Verdict


def timeline_samples(verdict: Verdict, samples: pd.DataFrame) -> pd.DataFrame:
    """The samples of the two trials: where time-outs were seen and where not, else the ends of a curve."""
    if samples.empty:
        return samples
    pair = _pair_with_timeouts(verdict.timeouts) or _pair_of_a_curve(verdict.curves)
    if not pair:
        first = samples.iloc[0]
        return _of_trial(samples, str(first["run_id"]), str(first["trial_id"]))
    frames = [_first_trial(samples, part, rtt, strategy, pool) for part, rtt, strategy, pool in pair]
    return pd.concat(frames)


Choice = tuple[str, float, str | None, int]  # part, round trip, strategy, pool


def _pair_with_timeouts(counts: Sequence[TimeoutCount]) -> list[Choice]:
    """The pool with most time-outs, and the smallest of the same kind without any."""
    worst = max(counts, key=lambda seen: seen.per_s, default=None)
    if worst is None or not worst.requests:
        return []
    same = (worst.part, worst.cell.db_rtt_ms, worst.cell.strategy)
    free = [
        other.cell.pool
        for other in counts
        if (other.part, other.cell.db_rtt_ms, other.cell.strategy) == same
        and not other.requests
        and other.cell.pool is not None
    ]
    pools = [worst.cell.pool, min(free, default=None)]
    return [
        (worst.part, worst.cell.db_rtt_ms, worst.cell.strategy, pool) for pool in pools if pool is not None
    ]


def _pair_of_a_curve(curves: Sequence[Curve]) -> list[Choice]:
    """Smallest and sufficient (if that is the smallest: the largest) pool of the first curve."""
    if not curves:
        return []
    curve = curves[0]
    pools = [seen.cell.pool for seen in curve.cells if seen.cell.pool is not None]
    other = curve.knee.pool if curve.knee is not None and curve.knee.pool > pools[0] else pools[-1]
    factors = curve.factors
    return [(curve.part, factors.db_rtt_ms, factors.strategy, pool) for pool in sorted({pools[0], other})]


def _first_trial(
    samples: pd.DataFrame, part: str, rtt: float, strategy: str | None, pool: int
) -> pd.DataFrame:
    chosen: pd.DataFrame = samples[
        (samples["part"] == part)
        & (samples["db_rtt_ms"] == rtt)
        & (samples["pool"] == pool)
        & ((samples["strategy"] == strategy) if strategy is not None else samples["strategy"].isna())
    ]
    if chosen.empty:
        return chosen
    first = chosen.iloc[0]
    return _of_trial(chosen, str(first["run_id"]), str(first["trial_id"]))


def _of_trial(samples: pd.DataFrame, run_id: str, trial_id: str) -> pd.DataFrame:
    rows: pd.DataFrame = samples.loc[(samples["run_id"] == run_id) & (samples["trial_id"] == trial_id)]
    return rows
