"""Which trials are shown over time: two that differ in their pool alone, a small one and a sufficient one."""

from collections.abc import Iterator, Sequence

import msgspec
import pandas as pd

from loadtests.results import Cell
from reports.dataset import Dataset
from reports.findings.cells import without_pool
from reports.verdict import Curve, TimeoutCount, Verdict

Choice = tuple[str, Cell]  # part and configuration


def timeline_samples(dataset: Dataset, verdict: Verdict) -> pd.DataFrame:
    """The samples of the two trials: where time-outs were seen and where not, else the ends of a curve.

    Without either it is the first valid trial that was sampled. Columns as in `reports.dataset`.
    """
    pair: Sequence[Choice] = _pair_with_timeouts(verdict.timeouts) or _pair_of_a_curve(verdict.curves)
    groups = dataset.samples.groupby(["run_id", "trial_id"], sort=False)
    sampled = {(str(run), str(trial)): frame for (run, trial), frame in groups}
    frames = [
        frame
        for choice in pair or (None,)
        if (frame := next(_samples_of(choice, dataset, sampled), None)) is not None
    ]
    return pd.concat(frames) if frames else dataset.samples.head(0)


def _pair_with_timeouts(counts: Sequence[TimeoutCount]) -> list[Choice]:
    """The pool with most time-outs, and the smallest of the same kind without any."""
    worst = max(counts, key=lambda seen: seen.per_s, default=None)
    if worst is None or not worst.requests or worst.cell.pool is None:
        return []
    same = (worst.part, without_pool(worst.cell))
    free = [
        other.cell
        for other in counts
        if (other.part, without_pool(other.cell)) == same
        and not other.requests
        and other.cell.pool is not None
    ]
    return [(worst.part, cell) for cell in (worst.cell, *sorted(free, key=lambda cell: cell.pool or 0)[:1])]


def _pair_of_a_curve(curves: Sequence[Curve]) -> list[Choice]:
    """Smallest and sufficient (if that is the smallest: the largest) pool of the first curve."""
    if not curves:
        return []
    curve = curves[0]
    pools = [seen.cell.pool for seen in curve.cells if seen.cell.pool is not None]
    other = curve.knee.pool if curve.knee is not None and curve.knee.pool > pools[0] else pools[-1]
    chosen = sorted({pools[0], other})
    return [(curve.part, msgspec.structs.replace(curve.factors, pool=pool)) for pool in chosen]


def _samples_of(
    choice: Choice | None, dataset: Dataset, sampled: dict[tuple[str, str], pd.DataFrame]
) -> Iterator[pd.DataFrame]:
    """The samples of each valid trial of a configuration, of every configuration where none is chosen."""
    for run in dataset.runs:
        for trial in run.trials:
            frame = sampled.get((run.name, trial.trial_id))
            if frame is not None and trial.valid and choice in (None, (trial.part, trial.cell)):
                yield frame
