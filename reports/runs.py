"""Result files → `Run` values. What another tool wrote becomes the same values.

A path may be a run directory (it holds manifest.json), or what `locust --csv PREFIX` left: the prefix,
one of its files, or a directory of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from loadtests.results import Manifest, ResultError, RunFiles, Trial, TrialFiles, read, read_trials
from reports import locust_csv

Unit = Literal["messages", "requests"]


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
    request. Raises `ResultError` naming the path that is neither.
    """
    directories = [path for path in paths if RunFiles(path).manifest.exists()]
    others = [path for path in paths if path not in directories]
    runs = [read_run(path) for path in directories]
    if others:
        tables = [file for path in others for file in locust_csv.find(path)]
        trials = locust_csv.read_trials(tables, batch or 1)
        runs.append(Run("locust --csv", trials, unit="requests" if batch is None else "messages"))
    return tuple(runs)


def latest(results: Path) -> Path:
    """The run directory that was started last. Raises `ResultError` when there is none."""
    found = [path.parent for path in results.glob("*/manifest.json")]
    if not found:
        raise ResultError(f"{results}: no run here yet; `queen sweep` makes one")
    return max(found, key=lambda root: read(RunFiles(root).manifest, Manifest).started_at)


def resolve(name: str | None, results: Path) -> Path:
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
