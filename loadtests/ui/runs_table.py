"""The runs of this page, side by side: a row for each finished trial and for each of its stages.

Who owns the server adds to a trial after the load has written it, so a row is read again when its file
has changed.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from loadtests import results
from loadtests.results import (
    GroupAccount,
    LoadResult,
    Manifest,
    ResultError,
    RunFiles,
    StageResult,
    Trial,
    accounted,
    busiest,
)

MOST_RUNS = 100

Changed = tuple[int, int]  # when trial.json and manifest.json did, in ns


class Row(Struct, frozen=True, rename="camel"):
    """One run, or one stage of it. Latencies in ms, rates in messages per second; None: not available."""

    run: int  # from 1, in the order in which they ended
    stage: str  # its label; empty: the run
    directory: str
    pool: int | None
    strategy: str | None
    shape: str
    loop: str
    producers: int
    measured_s: float
    batch: int  # messages in a push
    offered_msg_s: float | None  # a closed loop offers as much as is answered; a rate may change
    acknowledged_msg_s: float
    service_p50_ms: float | None
    service_p99_ms: float | None
    response_p99_ms: float | None  # from the intended start; a closed loop has none
    refused: int  # requests that were not done
    unknown: int
    missed: int
    held: int  # due while the server wanted a pause, so not sent
    lag_p50_ms: float | None  # schedule lag; a closed loop has none
    lag_p99_ms: float | None
    generator_ceiling_msg_s: float | None = None  # what it reaches against a server that does nothing
    generator_share: float | None = None  # of that ceiling, sent
    generator_cpu: float | None = None  # cores, of the busiest process: one can make use of one
    pool_timeouts: int | None = None
    pool_wait_mean_ms: float | None = None
    accounted: str = ""  # what became of the messages, in words; of a stage nothing is said
    accounted_holds: bool | None = None  # None: not known
    redelivered: str = ""  # to consumers: with a reason / without one; empty: nothing was recorded
    remarks: tuple[str, ...] = ()


class RunsTable:
    """The rows of the runs that ended in this process."""

    def __init__(self) -> None:
        self._runs: dict[int, RunFiles] = {}  # by number, rising
        self._ended = 0
        self._read: dict[int, tuple[Changed, tuple[Row, ...]]] = {}  # when its files changed, its rows

    def add(self, run: RunFiles) -> None:
        """A run has been written; of more than `MOST_RUNS` the oldest go."""
        self._ended += 1
        self._runs[self._ended] = run
        for kept in (self._runs, self._read):
            kept.pop(self._ended - MOST_RUNS, None)

    def rows(self) -> tuple[Row, ...]:
        """Oldest first, stages below their run; a run whose files are gone is left out."""
        return tuple(row for number, run in self._runs.items() for row in self._rows_of(number, run))

    def _rows_of(self, number: int, run: RunFiles) -> tuple[Row, ...]:
        with suppress(OSError, ResultError):
            path = next((files.trial for files in run.finished()), run.trials)
            changed = path.stat().st_mtime_ns, run.manifest.stat().st_mtime_ns
            kept = self._read.get(number)
            if kept is None or kept[0] != changed:
                manifest = results.read(run.manifest, Manifest)
                kept = (changed, rows_of(number, run, results.read(path, Trial), manifest))
                self._read[number] = kept
            return kept[1]
        return ()


def rows_of(number: int, run: RunFiles, trial: Trial, manifest: Manifest | None = None) -> tuple[Row, ...]:
    """What the table says of a trial and of its stages."""
    verdict = accounted(trial)
    ceilings = manifest.generator_ceiling_msg_s if manifest is not None else {}
    ceiling_msg_s = next(iter(ceilings.values()), None)  # a load has one trial, and so one at most
    whole = replace(
        _row(number, run, trial, trial.load),
        pool_timeouts=trial.pool.timed_out if trial.pool else None,
        pool_wait_mean_ms=trial.pool.wait_mean_ms if trial.pool else None,
        accounted=str(verdict),
        accounted_holds=verdict.holds,
        redelivered=_redelivered(trial.deliveries),
        remarks=tuple(map(str, trial.remarks)),
    )
    rows = (whole, *(_stage_row(number, run, trial, stage) for stage in trial.stages))
    loads = (trial.load, *(stage.load for stage in trial.stages))
    return tuple(
        _with_ceiling(row, load.issued_msg_s(trial.cell.batch), ceiling_msg_s)
        for row, load in zip(rows, loads, strict=True)
    )


def _with_ceiling(row: Row, sent_msg_s: float, ceiling_msg_s: float | None) -> Row:
    if not ceiling_msg_s:
        return row
    share = sent_msg_s / ceiling_msg_s
    return replace(row, generator_ceiling_msg_s=ceiling_msg_s, generator_share=share)


def _stage_row(number: int, run: RunFiles, trial: Trial, stage: StageResult) -> Row:
    remarks = (stage.verdict,) if stage.verdict else ()
    row = _row(number, run, trial, stage.load)
    return replace(row, stage=stage.label, offered_msg_s=stage.rate_msg_s, remarks=remarks)


def _row(number: int, run: RunFiles, trial: Trial, load: LoadResult) -> Row:
    cell = trial.cell
    return Row(
        run=number,
        stage="",
        directory=str(run.root),
        pool=cell.pool,
        strategy=cell.strategy,
        shape=cell.shape,
        loop=cell.loop,
        producers=load.users,
        measured_s=load.measured_s,
        batch=cell.batch,
        offered_msg_s=cell.offered_msg_s,
        acknowledged_msg_s=load.throughput_msg_s,
        service_p50_ms=load.service.p50_ms if load.service else None,
        service_p99_ms=load.service.p99_ms if load.service else None,
        response_p99_ms=response.p99_ms if (response := trial.from_intended_start(load)) else None,
        refused=load.requests_not_done,
        unknown=load.requests_unknown,
        missed=load.requests_missed,
        held=load.requests_held,
        lag_p50_ms=load.schedule_lag.p50_ms if load.schedule_lag else None,
        lag_p99_ms=load.schedule_lag.p99_ms if load.schedule_lag else None,
        generator_cpu=share.cores if (share := busiest(load.workers)) else None,
    )


def _redelivered(groups: Sequence[GroupAccount]) -> str:
    """Of all groups together; "-" where it is not known of one of them."""
    if not groups:
        return ""
    with_reason = _sum(group.again for group in groups)
    without = _sum(group.unexplained for group in groups)
    return f"{with_reason} / {without}"


def _sum(counts: Iterable[int | None]) -> str:
    known = list(counts)
    return "-" if None in known else f"{sum(each or 0 for each in known):,}"
