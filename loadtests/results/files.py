"""Where the files of a run are. Nothing else builds a path below results/."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFiles:
    """Paths of one run. Nothing else builds a path below results/."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def experiment(self) -> Path:
        return self.root / "experiment.toml"

    @property
    def ceilings(self) -> Path:
        return self.root / "ceilings.json"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def charts(self) -> Path:
        return self.root / "charts"

    @property
    def trials(self) -> Path:
        return self.root / "trials"

    def trial(self, trial_id: str) -> "TrialFiles":
        return TrialFiles(self.trials / trial_id)

    def finished(self) -> tuple["TrialFiles", ...]:
        """Those of the finished trials, in no order."""
        return tuple(TrialFiles(path.parent) for path in self.trials.glob("*/trial.json"))


@dataclass(frozen=True)
class TrialFiles:
    """Paths of one trial."""

    root: Path

    @property
    def trial(self) -> Path:
        return self.root / "trial.json"

    @property
    def load(self) -> Path:
        return self.root / "load.json"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.json"

    @property
    def latency(self) -> Path:
        return self.root / "latency.hlog"

    @property
    def course(self) -> Path:
        return self.root / "course.hlog"

    @property
    def samples(self) -> Path:
        return self.root / "samples.csv"

    @property
    def server_log(self) -> Path:
        return self.root / "server.log"

    @property
    def locust_log(self) -> Path:
        return self.root / "locust.log"
