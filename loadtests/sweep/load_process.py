"""The load generator as a child process: Locust patches its process with gevent, this one is asyncio.

Importing Locust takes about a second. A `LoadStage` starts the next process while the trial before it
is being taken down; it waits for its plan, and the trial begins without that second.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from loadtests import results
from loadtests.load.plan import PLAN_VARIABLE, LoadPlan
from loadtests.results import TrialFiles
from queen.local.process import Child, ChildSpec
from queen.settings import SECRETS

LOCUSTFILE = Path(__file__).parent.parent / "locustfiles" / "trial.py"
LOCUST = (
    sys.executable,
    "-m",
    "locust",
    "-f",
    str(LOCUSTFILE),
    "--headless",
    "--only-summary",
    "-L",
    "WARNING",
)
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
GRACE_S = 15.0  # beyond the plan's own times: imports, writing, quitting


class LoadProcess:
    """A generator that waits for its plan, in a directory of its own."""

    def __init__(self, child: Child, directory: Path) -> None:
        self._child = child
        self.directory = directory

    @classmethod
    async def start(cls, directory: Path, command: tuple[str, ...] = LOCUST) -> "LoadProcess":
        """Start it; returns at once. Raises OSError."""
        os.makedirs(directory, exist_ok=True)
        spec = ChildSpec(
            name="Locust",
            argv=command,
            environ=_environ(os.environ, _plan_path(directory)),
            log=TrialFiles(directory).locust_log,
            cwd=directory,
        )
        return cls(await Child.start(spec), directory)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._child.pid

    async def carry_out(self, plan: LoadPlan) -> None:
        """Give it its plan and wait until the result files are written.

        Raises `ChildFailed` when it ends otherwise or takes much longer than the plan says.
        """
        results.write(_plan_path(self.directory), plan)
        await self._child.finish(plan.longest_load_s + plan.drain_s + GRACE_S)

    async def stop(self) -> None:
        """End it now."""
        self._child.kill()
        await self._child.wait()


class LoadStage:
    """Has the next generator ready. `async with` ends what was never used."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._started = 0
        self._ready: LoadProcess | None = None

    async def __aenter__(self) -> "LoadStage":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ready is not None:
            await self._ready.stop()

    async def prepare(self) -> None:
        """Start the next generator, unless one is waiting already. Raises OSError."""
        if self._ready is None:
            self._started += 1
            self._ready = await LoadProcess.start(self._root / f"{self._started:04d}")

    async def take(self) -> LoadProcess:
        """The generator that is ready, or a new one; it is the caller's to stop. Raises OSError."""
        await self.prepare()
        ready, self._ready = self._ready, None
        assert ready is not None
        return ready


def _plan_path(directory: Path) -> Path:
    return directory / "plan.json"


def locust_environ(outer: Mapping[str, str]) -> dict[str, str]:
    """An environment without Locust's own options and without secrets, which it has no use for."""
    return {
        name: value for name, value in outer.items() if not name.startswith("LOCUST_") and name not in SECRETS
    }


def _environ(outer: Mapping[str, str], plan: Path) -> dict[str, str]:
    """Locust's with a plan, and with bytecode whatever ours says.

    A sweep starts Locust once for each trial, and compiling its 560 modules each time would cost more than
    the trial's window.
    """
    kept = {name: value for name, value in locust_environ(outer).items() if name != NO_BYTECODE}
    return {**kept, PLAN_VARIABLE: str(plan)}
