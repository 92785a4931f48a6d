"""Runs → tidy pandas frames: one row an observation, one column a variable, the unit in its name.

`trials`   one row a trial. `run_id`, `trial_id`, `part` (string); `block`, `order`, `attempt` (int64);
           every field of `Cell` under its own name; `measured_s`, `throughput_msg_s`, `pushes_s`
           (acknowledged requests per second); `requests_ok`, `requests_not_done`, `requests_unknown`,
           `requests_missed`, `requests_held` (int64); `timeouts` (requests refused by the pool, float64),
           `timeouts_s` (NaN: the window was `too_early`); `service_p50_ms` … `response_p99_ms` (of an open
           loop); `hold_mean_ms`, `wait_mean_ms`, `busy_mean`, `waiting_mean`; `server_cpu_cores` …
           `other_cpu_cores` (CPU seconds per second); `db_rtt_measured_ms`; `valid` (bool); `remarks`
           (string, "" when there is none).
`samples`  one row a sample: `run_id`, `trial_id`, the factors, then every field of `Sample`. Files from
           before a column was there have NaN in it.
`latency`  one row a part, cell and clock: factors, `clock` ("service", of an open loop "response"), `trials`,
           `count`, `p50_ms`, `p95_ms`, `p99_ms` of the merged histograms, and `p50_low_ms`,
           `p50_high_ms`, … the lowest and highest single trial. NaN where the trials left no histogram to
           merge.

Every frame has `direct_rtt_ms`, the round trip to the database without the added one (0: this machine).
Whole numbers that may be missing are `Int64`, other numbers float64 (missing: NaN), texts `string`.
Works with pandas 2.2 and 3.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
from hdrh.histogram import HdrHistogram

from loadtests.results import LATER_COLUMNS, MOST, Cell, ErrorCount, Latency, ResultError, Sample, Trial
from reports.columns import Row, constants, frame, typed
from reports.runs import Run, direct_rtt_ms, read_any
from reports.stats import histogram
from reports.verdict import TooEarly

FACTORS: tuple[str, ...] = Cell.__struct_fields__
IDENTITY = ("run_id", "trial_id", "part", "block", "direct_rtt_ms")
PERCENTILES = ("p50_ms", "p95_ms", "p99_ms")
INSTANT = "t_s"
CLOCKS = ("service", "response")
POOL_TIMEOUT = "pool_timeout"  # the answer's code when no connection became free in time
POOL_TIMEOUT_TEXT = "timeout exceeded when trying to connect"  # where a server sends no code


@dataclass(frozen=True)
class Dataset:
    """Runs and their frames."""

    runs: tuple[Run, ...]
    trials: pd.DataFrame
    samples: pd.DataFrame
    latency: pd.DataFrame


def load(paths: Sequence[Path], batch: int | None = None) -> Dataset:
    """Read runs (see `reports.runs.read_any`). Raises `ResultError`, one line that names the file."""
    return of(read_any(paths, batch))


def of(runs: tuple[Run, ...]) -> Dataset:
    """The frames of runs that were read already."""
    return Dataset(runs, trials_frame(runs), samples_frame(runs), latency_frame(runs))


def trials_frame(runs: Iterable[Run]) -> pd.DataFrame:
    """The `trials` frame; all trials, valid or not."""
    return frame(_identity(run, trial) | _trial_row(trial) for run in runs for trial in run.trials)


def samples_frame(runs: Iterable[Run]) -> pd.DataFrame:
    """The `samples` frame; trials without samples.csv have no rows. Raises `ResultError`."""
    frames = [
        rows.assign(**constants(_identity(run, trial)))
        for run in runs
        for trial in run.trials
        if (rows := _read_samples(run, trial)) is not None
    ]
    columns = [*IDENTITY, *FACTORS, *Sample.__struct_fields__]
    if not frames:
        return pd.DataFrame(columns=columns)
    return typed(pd.concat(frames, ignore_index=True)[columns])


def latency_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """The `latency` frame, of valid trials. Raises `ResultError` for a log that cannot be read."""
    near_ms = direct_rtt_ms(runs)
    groups: dict[tuple[str, Cell], list[tuple[Run, Trial]]] = {}
    for run in runs:
        for trial in run.trials:
            if trial.valid:
                groups.setdefault((trial.part, trial.cell), []).append((run, trial))
    rows = [
        {"part": part, "direct_rtt_ms": near_ms} | msgspec.structs.asdict(cell) | row
        for (part, cell), members in groups.items()
        for row in _latency_rows(members)
    ]
    return frame(rows, columns=("part", "direct_rtt_ms", *FACTORS, "clock", "trials", "count", *PERCENTILES))


def _identity(run: Run, trial: Trial) -> Row:
    return {
        "run_id": run.name,
        "trial_id": trial.trial_id,
        "part": trial.part,
        "block": trial.block,
        "direct_rtt_ms": run.direct_rtt_ms,
    } | msgspec.structs.asdict(trial.cell)


def _trial_row(trial: Trial) -> Row:
    load, pool, machine = trial.load, trial.pool, trial.machine
    timeouts = timeouts_of(trial)
    row: Row = {
        "order": trial.order,
        "attempt": trial.attempt,
        "measured_s": load.measured_s,
        "throughput_msg_s": load.throughput_msg_s,
        "pushes_s": load.requests_ok / load.measured_s,
        "requests_ok": load.requests_ok,
        "requests_not_done": load.requests_not_done,
        "requests_unknown": load.requests_unknown,
        "requests_missed": load.requests_missed,
        "requests_held": load.requests_held,
        "timeouts": float(timeouts),
        "timeouts_s": None if too_early(trial) else timeouts / load.measured_s,
    }
    for clock in CLOCKS:
        latency = _latency(trial, clock)
        row |= {f"{clock}_{name}": getattr(latency, name, None) for name in PERCENTILES}
    for name in ("hold_mean_ms", "wait_mean_ms", "busy_mean", "waiting_mean"):
        row[name] = getattr(pool, name, None)
    for name in ("server", "postgres", "generator", "relay", "sampler", "other"):
        seconds = getattr(machine, f"{name}_cpu_s", None)
        row[f"{name}_cpu_cores"] = None if seconds is None else seconds / load.measured_s
    row["db_rtt_measured_ms"] = getattr(machine, "db_rtt_measured_ms", None)
    row["valid"] = trial.valid
    row["remarks"] = "; ".join(f"{remark.reason}: {remark.detail}" for remark in trial.remarks)
    return row


def timeouts_of(trial: Trial) -> int:
    """Requests of the window that the pool refused for want of a connection, as the clients saw them."""
    return sum(error.requests for error in timeout_errors(trial))


def too_early(trial: Trial) -> TooEarly | None:
    """Why the time-outs of a closed loop's window are no rate; None: they are one.

    Each of its N callers waits for the N - 1 others, so at X answers per second N / X (the response-time
    law). Where that is beyond the time-out, requests are refused - but the first of them only when it has
    waited that long, and a window that began before saw fewer than are refused in the long run.
    """
    load, timeout_ms = trial.load, trial.cell.connection_timeout_ms
    if trial.cell.loop != "closed" or timeout_ms is None or 1000 * load.warmup_s >= timeout_ms:
        return None
    timeout_s = timeout_ms / 1000
    if not timeouts_of(trial) and load.users * load.measured_s < timeout_s * load.requests_sent:
        return None
    return TooEarly(warmup_s=load.warmup_s, measured_s=load.measured_s, timeout_s=timeout_s)


def timeout_errors(trial: Trial) -> tuple[ErrorCount, ...]:
    """The answers of the window that say that no connection became free in time."""
    return tuple(
        error for error in trial.load.errors if error.code == POOL_TIMEOUT or POOL_TIMEOUT_TEXT in error.text
    )


def _read_samples(run: Run, trial: Trial) -> pd.DataFrame | None:
    files = run.trial_files(trial)
    if files is None or not files.samples.exists():
        return None
    try:
        rows = pd.read_csv(files.samples, dtype="float64")
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        reason = str(error).strip().splitlines()[0]
        raise ResultError(f"{files.samples}: not a table of samples: {reason}") from None
    rows = rows.assign(**{name: float("nan") for name in LATER_COLUMNS if name not in rows.columns})
    missing = [name for name in Sample.__struct_fields__ if name not in rows.columns]
    if missing:
        raise ResultError(f"{files.samples}: no column {missing[0]}")
    if impossible := _first_impossible(rows[list(Sample.__struct_fields__)]):
        raise ResultError(f"{files.samples}: {impossible}")
    return rows


def _first_impossible(rows: pd.DataFrame) -> str:
    """Where a table of samples has a figure that no sampler gives; empty: nowhere.

    What was not available is NaN, but the instant, which may lie before the window.
    """
    figures, instants = rows.to_numpy(), rows.columns == INSTANT
    least = np.where(instants, -MOST, 0)
    possible = ((figures >= least) & (figures <= MOST)) | (np.isnan(figures) & ~instants)
    for row, column in np.argwhere(~possible)[:1]:
        expected = f"expected {least[column]:,} to {MOST:,}"
        return f"{rows.columns[column]} in row {row + 1}: {figures[row, column]:g}, {expected}"
    return ""


def _latency_rows(members: Sequence[tuple[Run, Trial]]) -> Iterable[Row]:
    files = (run.trial_files(trial) for run, trial in members)
    logs = [found.latency for found in files if found is not None and found.latency.exists()]
    merged = histogram.merge(logs)
    for clock in CLOCKS:
        single = [found for _, trial in members if (found := _latency(trial, clock)) is not None]
        if not single:
            continue
        together = _together(merged.get(clock) if len(logs) == len(single) else None, single)
        row: Row = {"clock": clock, "trials": len(single), "count": sum(one.count for one in single)}
        for name in PERCENTILES:
            low_high = [getattr(one, name) for one in single]
            stem = name.removesuffix("_ms")
            row |= {name: getattr(together, name, None)}
            row |= {f"{stem}_low_ms": min(low_high), f"{stem}_high_ms": max(low_high)}
        yield row


def _latency(trial: Trial, clock: str) -> Latency | None:
    """A clock of a trial, if it has that one."""
    return trial.load.service if clock == "service" else trial.from_intended_start(trial.load)


def _together(merged: HdrHistogram | None, single: Sequence[Latency]) -> Latency | None:
    """Percentiles of all trials together; of the only trial where there is one."""
    if merged is not None and merged.get_total_count():
        return histogram.latency(merged)
    return single[0] if len(single) == 1 else None
