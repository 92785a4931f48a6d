"""What binds: which of pool, partition lock, database, CPU and generator keeps a cell from being faster.

Rules of evidence, in this order:

1. a trial carries a remark that its generator was the limit, or near its own: nothing else can be told then;
2. the pool is full and a larger one of the same curve is shown to be faster: the pool;
3. active backends mostly wait for heavyweight locks: the partition's row lock;
4. no CPU is left on the machine, or the server uses its whole event loop;
5. most of the busy connections are active in the database: the database (WAL, I/O or computing);
6. hardly any CPU is left: no more than that is known, for connections that wait for a slow server look
   like connections that wait for the network;
7. the largest pool tried is full, calls queue for it, and the step up to it was shown to be faster: the pool.

What none of these explains is not known: `NO_FASTER` where the pool is full all the same, else `UNCLEAR`.
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
NEARLY_CPU_SHARE = 0.75
QUEUE = 1.0  # who waits for a connection, time average
EVERYBODY = ("server", "postgres", "generator", "relay", "sampler", "other")  # who uses the machine


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
    seen = [waits[run, trial.trial_id] for run, trial in members if (run, trial.trial_id) in waits]
    active = fmean(one.active for one in seen) if seen else 0.0
    locked = fmean(one.lock for one in seen) if seen else 0.0
    busy = cells.busy(trials) or 0.0
    machine = _mean_cores(trials, *EVERYBODY) / _cores(trials)
    server = _mean_cores(trials, "server") / cell.num_workers
    larger = _larger(part, cell)
    full = busy >= FULL_POOL * (cell.pool or math.inf)
    queued = (cells.waiting(trials) or 0.0) >= QUEUE
    rules = (
        (Caution.GENERATOR_LIMITED in cautions, Limit.GENERATOR),
        (full and any(_is_faster(part, rival, cell) for rival in larger), Limit.POOL),
        (active >= 1 and locked > LOCK_SHARE * active, Limit.PARTITION_LOCK),
        (machine > CPU_SHARE, Limit.MACHINE_CPU),
        (server > CPU_SHARE, Limit.SERVER_CPU),
        (active >= 1 and active >= ACTIVE_SHARE * busy, Limit.DATABASE),
        (max(machine, server) > NEARLY_CPU_SHARE, Limit.NEARLY_CPU),
        (full and queued and bool(seen) and not larger and _rises_to(part, cell), Limit.POOL),
        (full, Limit.NO_FASTER),
    )
    return next((limit for applies, limit in rules if applies), Limit.UNCLEAR)


def _curve(part: Part, cell: Cell) -> list[Cell]:
    """The cells that differ in their pool alone, by rising pool."""
    same = (other for other in part.model.cells if without_pool(other) == without_pool(cell))
    return sorted(same, key=lambda other: other.pool or 0)


def _larger(part: Part, cell: Cell) -> list[Cell]:
    return [other for other in _curve(part, cell) if (other.pool or 0) > (cell.pool or 0)]


def _rises_to(part: Part, cell: Cell) -> bool:
    """Whether the step up to this pool is shown to be one; of a pool without a smaller one nothing is."""
    smaller = [other for other in _curve(part, cell) if (other.pool or 0) < (cell.pool or 0)]
    return bool(smaller) and _is_faster(part, cell, smaller[-1])


def _is_faster(part: Part, one: Cell, other: Cell) -> bool:
    ratio = part.model.ratio(one, other)
    return ratio is not None and ratio.shown and ratio.ratio > 1


def _mean_cores(trials: list[Trial], *names: str) -> float:
    """CPU seconds per second that these processes used together."""
    return fmean(
        sum(getattr(trial.machine, f"{name}_cpu_s", None) or 0.0 for name in names) / trial.load.measured_s
        for trial in trials
    )


def _cores(trials: list[Trial]) -> float:
    known = [trial.machine.cpu_count for trial in trials if trial.machine is not None]
    return fmean(known) if known else math.inf
