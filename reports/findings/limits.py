"""What binds: which of pool, partition lock, database, CPU and generator keeps a cell from being faster.

Rules of evidence, in this order:

1. a trial carries a remark that its generator was the limit, or near its own: nothing else can be told then;
2. the pool is full and a larger one of the same curve is shown to be faster, or none larger was tried
   and its connections mostly wait for the network: the pool;
3. active backends mostly wait for heavyweight locks: the partition's row lock;
4. no CPU is left on the machine, or the server uses its whole event loop;
5. most of the busy connections are active in the database: the database (WAL, I/O or computing).

What none of these explains is `UNCLEAR`.
"""

import math
from dataclasses import dataclass
from statistics import fmean

import pandas as pd

from loadtests.results import Cell, Trial
from reports.advice import Caution
from reports.findings import cells
from reports.findings.cautions import REMARKED
from reports.findings.cells import without_pool
from reports.findings.curves import Part
from reports.verdict import Limit

FULL_POOL = 0.9  # busy connections / pool
LOCK_SHARE = 0.5  # of the active backends' time
ACTIVE_SHARE = 0.5  # of the busy connections, active in the database
CPU_SHARE = 0.9


@dataclass(frozen=True)
class Waits:
    """Active client backends by what they do, averages over the measured window."""

    lock: float
    writing: float  # LWLock and I/O, the WAL's above all
    running: float

    @property
    def active(self) -> float:
        return self.lock + self.writing + self.running


def waits_by_trial(samples: pd.DataFrame) -> dict[tuple[str, str], Waits]:
    """(run, trial) → waits, from the samples of the measured window."""
    columns = ["db_wait_lock", "db_wait_lwlock", "db_wait_io", "db_running"]
    window = samples[samples["t_s"] >= 0].dropna(subset=columns) if len(samples) else samples
    means = window.groupby(["run_id", "trial_id"])[columns].mean() if len(window) else pd.DataFrame()
    return {
        (str(run), str(trial)): Waits(float(lock), float(lwlock) + float(io), float(running))
        for (run, trial), (lock, lwlock, io, running) in zip(means.index, means.to_numpy(), strict=True)
    }


def limits(part: Part, waits: dict[tuple[str, str], Waits]) -> dict[Cell, Limit]:
    """The limit of every cell of a part."""
    return {cell: _limit(part, cell, waits) for cell in part.model.cells}


def _limit(part: Part, cell: Cell, waits: dict[tuple[str, str], Waits]) -> Limit:
    members = [(run, trial) for run, trial in part.trials if trial.cell == cell]
    trials = [trial for _, trial in members]
    cautions = {REMARKED.get(remark.reason) for trial in trials for remark in trial.remarks}
    if Caution.GENERATOR_LIMITED in cautions:
        return Limit.GENERATOR
    seen = [waits[run, trial.trial_id] for run, trial in members if (run, trial.trial_id) in waits]
    active = fmean(one.active for one in seen) if seen else 0.0
    busy = cells.busy(trials) or 0.0
    in_database = active >= 1 and active >= ACTIVE_SHARE * busy
    if busy >= FULL_POOL * (cell.pool or math.inf):
        larger = _larger(part, cell)
        if _any_is_faster(part, cell, larger) or (not larger and seen and not in_database):
            return Limit.POOL
    if active >= 1 and fmean(one.lock for one in seen) > LOCK_SHARE * active:
        return Limit.PARTITION_LOCK
    if _mean_cores(trials, "server", "postgres", "generator", "relay", "other") > CPU_SHARE * _cores(trials):
        return Limit.MACHINE_CPU
    if _mean_cores(trials, "server") > CPU_SHARE * cell.num_workers:
        return Limit.SERVER_CPU
    return Limit.DATABASE if in_database else Limit.UNCLEAR


def _larger(part: Part, cell: Cell) -> list[Cell]:
    """The cells of the same curve with a larger pool."""
    curve = without_pool(cell)
    rivals = (other for other in part.model.cells if (other.pool or 0) > (cell.pool or 0))
    return [other for other in rivals if without_pool(other) == curve]


def _any_is_faster(part: Part, cell: Cell, rivals: list[Cell]) -> bool:
    ratios = (part.model.ratio(rival, cell) for rival in rivals)
    return any(ratio is not None and ratio.shown and ratio.ratio > 1 for ratio in ratios)


def _mean_cores(trials: list[Trial], *names: str) -> float:
    """CPU seconds per second that these processes used together."""
    return fmean(
        sum(getattr(trial.machine, f"{name}_cpu_s", None) or 0.0 for name in names) / trial.load.measured_s
        for trial in trials
    )


def _cores(trials: list[Trial]) -> float:
    known = [trial.machine.cpu_count for trial in trials if trial.machine is not None]
    return fmean(known) if known else math.inf
