"""The runs of this page, side by side: each row is a finished trial, read from its files.

Who owns the server adds to a trial after the load has written it, so a row is read again when its file
has changed.
"""

from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from loadtests import results
from loadtests.results import ResultError, RunFiles, Trial

MOST_ROWS = 100


class Row(Struct, frozen=True, rename="camel"):
    """One run. Latencies in ms, rates in messages per second; None: not available."""

    directory: str
    started_at: str
    pool: int | None
    strategy: str | None
    shape: str
    loop: str
    producers: int
    measured_s: float
    acknowledged_msg_s: float
    service_p50_ms: float | None
    service_p99_ms: float | None
    response_p99_ms: float | None
    refused: int  # requests that were not done
    unknown: int
    missed: int
    pool_timeouts: int | None
    pool_wait_mean_ms: float | None
    accounted: str  # what became of the messages, in words
    accounted_holds: bool | None  # None: nobody has looked
    remarks: tuple[str, ...]


class RunsTable:
    """The rows of the runs that ended in this process."""

    def __init__(self) -> None:
        self._directories: list[Path] = []
        self._read: dict[Path, tuple[int, Row]] = {}  # trial.json → when it was changed, its row

    def add(self, run: RunFiles) -> None:
        """A run has been written; of more than `MOST_ROWS` the oldest go."""
        self._directories = [*self._directories, run.root][-MOST_ROWS:]

    def rows(self) -> tuple[Row, ...]:
        """Oldest first; a run whose files are gone is left out."""
        return tuple(row for run in self._directories if (row := self._row(RunFiles(run))) is not None)

    def _row(self, run: RunFiles) -> Row | None:
        with suppress(OSError, ResultError):
            path = next(run.trials.glob("*/trial.json"), run.trials)
            changed = path.stat().st_mtime_ns
            kept = self._read.get(path)
            if kept is None or kept[0] != changed:
                kept = (changed, row_of(run, results.read(path, Trial)))
                self._read[path] = kept
            return kept[1]
        return None


def row_of(run: RunFiles, trial: Trial) -> Row:
    """What the table says of a trial."""
    cell, load = trial.cell, trial.load
    return Row(
        directory=str(run.root),
        started_at=trial.started_at,
        pool=cell.pool,
        strategy=cell.strategy,
        shape=cell.shape,
        loop=cell.loop,
        producers=load.users,
        measured_s=load.measured_s,
        acknowledged_msg_s=load.throughput_msg_s,
        service_p50_ms=load.service.p50_ms if load.service else None,
        service_p99_ms=load.service.p99_ms if load.service else None,
        response_p99_ms=load.response.p99_ms if load.response else None,
        refused=load.requests_not_done,
        unknown=load.requests_unknown,
        missed=load.requests_missed,
        pool_timeouts=trial.pool.timeouts if trial.pool else None,
        pool_wait_mean_ms=trial.pool.wait_mean_ms if trial.pool else None,
        accounted=_accounted(trial),
        accounted_holds=trial.accounting.holds if trial.accounting else None,
        remarks=tuple(f"{remark.reason.replace('_', ' ')}: {remark.detail}" for remark in trial.remarks),
    )


def _accounted(trial: Trial) -> str:
    account = trial.accounting
    if account is None:
        return "not checked"
    if account.holds:
        return f"yes ({account.stored:,} stored)"
    return (
        f"NO: {account.lost:,} lost, {account.duplicated:,} duplicated, "
        f"{account.unexplained:,} unexplained, {account.out_of_order:,} out of order"
    )
