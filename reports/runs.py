"""Result files → `Run` values. What another tool wrote becomes the same values.

A path may be a run directory (it holds manifest.json), or what `locust --csv PREFIX` left: the prefix,
one of its files, or a directory of them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from loadtests.results import Manifest, ResultError, RunFiles, Trial, TrialFiles, read, read_trials
from reports import locust_csv

Unit = Literal["messages", "requests"]
RESULTS = Path("results")  # where runs are, below the working directory
OWN_DATABASES = ("embedded", "installed")  # started by the lab itself, so on this machine


@dataclass(frozen=True)
class Run:
    """The finished trials of one run, in the order in which they ran."""

    name: str
    trials: tuple[Trial, ...]
    manifest: Manifest | None = None  # None: files of another tool
    files: RunFiles | None = None
    unit: Unit = "messages"  # what one "message" of the figures is

    def trial_files(self, trial: Trial) -> TrialFiles | None:
        """Where a trial's samples and histograms are; None for files of another tool."""
        return None if self.files is None else self.files.trial(trial.trial_id)

    @property
    def direct_rtt_ms(self) -> float | None:
        """Round trip to the database without the added one: 0 when it ran on this machine.

        The median of what was measured where the database was somebody else's (`PG_HOST`) or nothing
        says where it was; None when it was not measured either.
        """
        if self.manifest is not None and self.manifest.versions.postgres_source in OWN_DATABASES:
            return 0.0
        measured = [
            trial.machine.db_rtt_measured_ms
            for trial in self.trials
            if trial.cell.db_rtt_ms == 0
            and trial.machine is not None
            and trial.machine.db_rtt_measured_ms is not None
        ]
        return median(measured) if measured else None


def direct_rtt_ms(runs: Iterable[Run]) -> float | None:
    """The longest `Run.direct_rtt_ms`; None when one of them is not known."""
    known = [run.direct_rtt_ms for run in runs]
    return None if None in known else max((each for each in known if each is not None), default=None)


def read_run(root: Path) -> Run:
    """Read one run directory. Raises `ResultError` naming the file that is missing or broken."""
    files = RunFiles(root)
    manifest = read(files.manifest, Manifest)
    trials = tuple(read_trials(files))
    if not trials:
        raise ResultError(f"{files.trials}: no finished trial")
    return Run(manifest.run_id, trials, manifest, files)


def read_any(paths: Sequence[Path], batch: int | None = None) -> tuple[Run, ...]:
    """Read run directories and Locust `--csv` output alike; all CSV files together make one run.

    `batch` is the number of messages per request of the Locust runs; without it their unit is the
    request. Raises `ResultError` naming the path that is neither, or what was given twice: the same
    trials would pass for repeats.
    """
    directories = [path for path in paths if RunFiles(path).manifest.exists()]
    others = [path for path in paths if path not in directories]
    runs = [read_run(path) for path in directories]
    _refuse_twice([run.name for run in runs])
    if others:
        tables = [file for path in others for file in locust_csv.find(path)]
        _refuse_twice([str(file.resolve()) for file in tables])
        trials = locust_csv.read_trials(tables, batch or 1)
        runs.append(Run("locust --csv", trials, unit="requests" if batch is None else "messages"))
    return tuple(runs)


def _refuse_twice(names: Sequence[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise ResultError(f"{name}: given more than once; its trials would pass for repeats")


def latest(results: Path = RESULTS) -> Path:
    """The run directory that was started last. Raises `ResultError` when there is none."""
    found = [path.parent for path in results.glob("*/manifest.json")]
    if not found:
        raise ResultError(f"{results}: no run here yet; `queen sweep` makes one")
    return max(found, key=lambda root: read(RunFiles(root).manifest, Manifest).started_at)


def resolve(name: str | None, results: Path = RESULTS) -> Path:
    """A run by path or by its name below `results`; None: the latest. Raises `ResultError`."""
    if name is None:
        return latest(results)
    for path in (Path(name), results / name):
        if RunFiles(path).manifest.exists():
            return path
    raise ResultError(f"{name}: no run there (looked for {name}/manifest.json and below {results}/)")


def one_unit(runs: Iterable[Run]) -> Unit:
    """The common unit of several runs. Raises `ResultError` when they differ."""
    units = {run.unit for run in runs}
    if len(units) > 1:
        raise ResultError("messages and requests do not go on one axis: say --batch N for the Locust files")
    return units.pop()
