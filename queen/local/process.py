"""Child processes with an owner: whoever starts one holds a `Child`, and when the owner goes, it goes.

The rules, which every process that we start beside a server obeys:

- It leads a session and group of its own: a Ctrl-C at the terminal reaches only the owner, which then
  stops its children in the right order, and the whole group can be killed as a last resort.
- Its output goes straight to a log file. The owner copies nothing, so a busy owner never slows it.
- It dies with its owner, also when that is killed with SIGKILL. On Linux the kernel sees to it
  (`exec_child.py`; start children from a thread that lives as long as they should). Elsewhere it is
  written down, and the next run ends what is left (`leftovers.py`).
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from queen.errors import UserError
from queen.local.child_log import ChildLog, open_log
from queen.local.leftovers import write_down
from queen.local.users import User

EXEC_CHILD = Path(__file__).with_name("exec_child.py")
POLL_S = 0.01

Seen = TypeVar("Seen")


class ChildFailed(UserError):
    """A child ended, or did not become ready in time. One line; `tail` has the end of its log."""

    def __init__(self, text: str, tail: str) -> None:
        super().__init__(text)
        self.tail = tail


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What to run. `name` is for messages; `argv[0]` is an absolute path.

    `environ` is the whole environment. `death_signal` is what the child gets when its owner dies;
    `stop_signals` are sent one after the other by `Child.stop`, each with `grace_s` to take effect.
    `user` (only for root): run as that user. `log_stays` False: the log is gone when we are, so that no
    failure names it; what it says of the failure is quoted either way.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
    log_stays: bool = True
    cwd: Path | None = None
    user: User | None = None
    death_signal: signal.Signals = signal.SIGKILL
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    grace_s: float = 10.0

    def command_line(self) -> list[str]:
        """The program and its arguments behind `exec_child.py`."""
        user = f"{self.user.uid}:{self.user.gid}" if self.user else "-"
        shim = [sys.executable, "-I", "-S", str(EXEC_CHILD)]
        return [*shim, str(os.getpid()), str(int(self.death_signal)), user, *self.argv]


class Child:
    """A running child process. `async with await Child.start(spec) as child:` stops it at the end."""

    def __init__(self, spec: ChildSpec, process: asyncio.subprocess.Process, log: ChildLog) -> None:
        self.spec = spec
        self.log = log
        self._process = process

    @classmethod
    async def start(cls, spec: ChildSpec) -> Self:
        """Start it; returns at once. Raises OSError when the log cannot be written or fork fails."""
        descriptor, log = open_log(spec.log)
        try:
            process = await asyncio.create_subprocess_exec(
                *spec.command_line(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                cwd=spec.cwd,
                env=dict(spec.environ),
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        write_down(process.pid, spec.argv)
        return cls(spec, process, log)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        """Process id, which is also its group's and session's."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit code, -N after signal N, None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end; returns the exit code, or -N after signal N."""
        return await self._process.wait()

    async def finish(self, deadline_s: float) -> None:
        """Wait for its good end. Raises `ChildFailed` unless it exits with 0 in time."""
        try:
            async with asyncio.timeout(deadline_s):
                returncode = await self.wait()
        except TimeoutError:
            raise self._failure(f"did not end within {deadline_s:g} s") from None
        if returncode != 0:
            raise self._failure(f"ended with {describe_exit(returncode)}")

    async def until(self, look: Callable[[], Seen | None], *, what: str, deadline_s: float) -> Seen:
        """Call `look` until it returns something, and return that.

        `what` completes the sentence "NAME did not … within N s". Raises `ChildFailed` when the child
        ends first or the time is up.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + deadline_s
        while (seen := look()) is None:
            if self.returncode is not None:
                raise self._failure(f"ended with {describe_exit(self.returncode)}")
            if clock() > deadline:
                raise self._failure(f"did not {what} within {deadline_s:g} s")
            await asyncio.sleep(POLL_S)
        return seen

    async def says(self, line: re.Pattern[str], *, deadline_s: float) -> re.Match[str]:
        """Wait for a line of its output, and return the match. Raises `ChildFailed` as `until`."""
        return await self.until(
            lambda: self.log.search(line), what=f"say {line.pattern!r}", deadline_s=deadline_s
        )

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, if it still runs."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def stop(self) -> int:
        """Stop it: each stop signal with its grace time, then SIGKILL for whoever is left of the group.

        Returns the exit code; may be called again. A cancelled stop kills at once.
        """
        try:
            for number in self.spec.stop_signals:
                self.send(number)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.spec.grace_s):
                        return await self.wait()
        finally:
            self.kill()
        return await self.wait()

    def kill(self) -> None:
        """SIGKILL to the whole group, at once."""
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM when only zombies are left
            os.killpg(self.pid, signal.SIGKILL)

    def _failure(self, happened: str) -> ChildFailed:
        where = f" (log: {self.log.path})" if self.spec.log_stays else ""
        return ChildFailed(f"{self.spec.name} {happened}: {self.log.complaint()}{where}", self.log.tail())


def describe_exit(returncode: int) -> str:
    """`exit code 1`, `signal SIGKILL`."""
    if returncode >= 0:
        return f"exit code {returncode}"
    return f"signal {signal.Signals(-returncode).name}"
