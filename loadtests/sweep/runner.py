"""Runs a sweep: starts what all trials share, then trial after trial, each stored as it finishes.

However it ends - done, failed, interrupted - no process, no database and no half trial is left, and
the manifest says how it ended.
"""

import shutil
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests import results
from loadtests.results import RunFiles
from loadtests.sweep import ceiling, experiment_rules
from loadtests.sweep.databases import TrialDatabases
from loadtests.sweep.experiment import Experiment
from loadtests.sweep.load_process import LoadStage
from loadtests.sweep.progress import Progress, trial_line
from loadtests.sweep.rate import RateError
from loadtests.sweep.record import RunRecord
from loadtests.sweep.schedule import Slot
from loadtests.sweep.state import SweepState
from loadtests.sweep.trial import Bench, TrialFailed, run_trial
from queen.errors import UserError
from queen.local.open_database import open_database, room_for

MAX_FAILURES_IN_A_ROW = 3
LEAST_FREE_BYTES = 1_000_000_000  # PostgreSQL's WAL alone may grow to its max_wal_size of 1 GB


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """What to run and where. `resumed`: the run's finished trials are kept, the rest is run."""

    experiment: Experiment
    run: RunFiles
    command: tuple[str, ...]
    environ: Mapping[str, str]
    resumed: bool = False


class Sweep:
    """One sweep in this process. `run` once."""

    def __init__(self, request: SweepRequest, progress: Progress) -> None:
        self._request = request
        self._progress = progress
        self._began_s = time.monotonic()
        finished = results.read_trials(request.run) if request.resumed else ()
        self.state = SweepState(request.experiment, finished)
        self._staging = request.run.root / "staging"
        self._record = RunRecord(request.run, resumed=request.resumed)

    async def run(self) -> None:
        """Run all that is to run. Raises `UserError` with what the user must mend, OSError for the disk."""
        for warning in experiment_rules.warnings(self._request.experiment):
            self._note(warning)
        try:
            async with self._bench() as bench:
                await self._run_trials(bench)
        except BaseException as error:
            self._end(interrupted=not isinstance(error, UserError | OSError))
            raise
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)
        self._end(interrupted=False)

    @asynccontextmanager
    async def _bench(self) -> AsyncIterator[Bench]:
        request = self._request
        cells = self.state.cells
        largest_pool = max(cell.pool or 0 for cell in cells)
        workers = max(cell.num_workers for cell in cells)
        async with (
            open_database(request.environ, settings=room_for(largest_pool, workers)) as database,
            TrialDatabases.open(database.address, largest_pool=largest_pool, workers=workers) as databases,
            LoadStage(self._staging) as stage,
        ):
            require_space((request.run.root, *((database.server.data,) if database.server else ())))
            if not databases.may_checkpoint:
                self._note("no right to CHECKPOINT: a trial's writes may fall into the window of the next")
            self._record.begin(request.experiment, request.command, database, await databases.settings())
            yield Bench(
                run=request.run,
                database=database.address,
                databases=databases,
                stage=stage,
                postgres_pid=database.server.pid if database.server else None,
                settings=request.experiment.server_settings(),
                ceilings_msg_s=await self._ceilings(stage),
            )

    async def _run_trials(self, bench: Bench) -> None:
        failures = 0
        while (slot := self.state.next_slot(self._remaining_s())) is not None:
            if await self._run_slot(slot, bench):
                failures = 0
                continue
            failures += 1
            if failures == MAX_FAILURES_IN_A_ROW:
                raise UserError(
                    f"{failures} trials in a row failed; their logs are in {self._failed_directory()}"
                )

    async def _run_slot(self, slot: Slot, bench: Bench) -> bool:
        """Run one trial; False when it came to nothing."""
        left = self.state.trials_left(self._remaining_s())
        try:
            task = self.state.task(slot, followed=left > 1)
        except RateError as error:
            self._note(f"part {slot.part} is left out: {error}")
            self.state.give_up(slot.part)
            return True
        for warning in experiment_rules.connection_warnings(self.state.experiment, task.part, task.cell):
            self._note(warning)  # of clients that follow from a capacity
        self._show(task.trial_id)
        started_s = time.monotonic()
        try:
            trial = await run_trial(task, bench)
        except TrialFailed as error:
            self._keep_failed(error, task.trial_id)
            self.state.failed(slot)
            return False
        self.state.finished(slot, trial, time.monotonic() - started_s)
        done = len(self.state.trials)
        of = done + self.state.trials_left(self._remaining_s())
        self._progress.tell(trial_line(trial, done, of))
        return True

    async def _ceilings(self, stage: LoadStage) -> dict[str, float]:
        """Those of the resumed run, and what is missing."""
        known = self._record.ceilings_msg_s
        cells = self.state.cells
        for key, cell in ceiling.distinct_ceilings(cells).items():
            if key not in known:
                self._show(f"generator's ceiling, {key}")
                known[key] = await ceiling.measure_ceiling(cell, stage.take, seed=self.state.experiment.seed)
                self._progress.tell(
                    f"the generator reaches {known[key]:,.0f} msg/s against a null server ({key})"
                )
        self._record.ceilings(known)
        return known

    def _end(self, *, interrupted: bool) -> None:
        """What is to be said of the whole run, and the manifest's last word."""
        for part in self.state.parts:
            for note in self.state.short_warmups(part.part.name):
                self._note(note)
        if not interrupted:
            for note in self.state.dropped(self._remaining_s()):
                self._note(note)
        self._record.end(blocks_done=self.state.blocks_done(), interrupted=interrupted)

    def _remaining_s(self) -> float | None:
        budget_s = self.state.experiment.budget_s
        return None if budget_s is None else budget_s - (time.monotonic() - self._began_s)

    def _show(self, now: str) -> None:
        remaining_s = self._remaining_s()
        self._progress.at(
            done=len(self.state.trials),
            left=self.state.trials_left(remaining_s),
            seconds_left=self.state.seconds_left(remaining_s),
            now=now,
        )

    def _note(self, text: str) -> None:
        if self._record.note(text):
            self._progress.tell(text)

    def _keep_failed(self, error: TrialFailed, trial_id: str) -> None:
        """Keep the logs of a failed trial beside the results, where nothing takes them for one."""
        self._note(f"FAILED {error}")
        kept = self._failed_directory() / trial_id
        kept.parent.mkdir(exist_ok=True)
        if error.directory.exists():
            shutil.rmtree(kept, ignore_errors=True)
            error.directory.rename(kept)

    def _failed_directory(self) -> Path:
        return self._request.run.root / "failed"


def require_space(directories: Iterable[Path], least_free_bytes: int = LEAST_FREE_BYTES) -> None:
    """Raises `UserError` when a disk is so full that the sweep would die of it."""
    for directory in directories:
        free = shutil.disk_usage(directory).free
        if free < least_free_bytes:
            raise UserError(
                f"{directory}: {free / 1e9:.1f} GB free, a sweep needs {least_free_bytes / 1e9:.0f} GB"
            )
