"""The ensemble of one: this process produces and consumes by itself."""

from locust.env import Environment

from loadtests.load.conducting.course import Stage
from loadtests.load.conducting.ensemble import Collected
from loadtests.load.plan import LoadPlan
from loadtests.load.run import LoadRun, set_current_run


class Alone:
    """Carries a run out with the users of this Locust process. An `Ensemble`."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._run: LoadRun | None = None

    def begin(self, plan: LoadPlan) -> None:
        """Start a run for the users that Locust spawns from now on. Raises ValueError for a bad host."""
        run = LoadRun(plan, self._environment.stats)
        self._run = run
        set_current_run(self._environment, run)
        run.start()

    def start_stage(self, stage: Stage) -> None:
        """Change the offered load now."""
        self._begun().start_stage(stage)

    def open_window(self) -> None:
        """Begin a window now."""
        self._begun().recorder.open_window()

    def close_window(self) -> None:
        """Stop measuring."""
        self._begun().recorder.close_window()

    def checkpoint(self) -> Collected:
        """The latest window as it is now, without its steps."""
        recorder = self._begun().recorder
        return Collected((recorder.part(recorder.window, steps=False),))

    def collect(self, patience_s: float) -> Collected:
        """The latest window; there is nobody to wait for."""
        recorder = self._begun().recorder
        return Collected((recorder.part(recorder.window),))

    def finish(self, drain_s: float) -> Collected:
        """Stop issuing, wait at most `drain_s` for the answers; all windows."""
        run = self._begun()
        run.finish(drain_s)
        return Collected(run.recorder.parts())

    def _begun(self) -> LoadRun:
        assert self._run is not None, "no run has begun"
        return self._run
