"""The processes that the tests of this process start: all of them end with it.

They are its descendants, and those whose parent has ended, which inherited its mark in their environment.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import psutil

MARK = "TEST_SESSION"
GRACE_S = 5.0  # for those that are told to end and need a moment


@dataclass(frozen=True)
class Started:
    """A process that is still there: what it runs and the test that started it, as far as is known."""

    process: psutil.Process
    command: str
    test: str

    def kill(self) -> None:
        """End it."""
        with suppress(psutil.NoSuchProcess):
            self.process.kill()

    def __str__(self) -> str:
        return f"{self.process.pid}: {self.command}   (started in {self.test})"


def mark() -> str:
    """From now on what this process starts inherits a mark; returns it."""
    os.environ[MARK] = f"{os.getpid()}-{uuid4().hex}"
    return os.environ[MARK]


def left(marked: str, grace_s: float = GRACE_S) -> list[Started]:
    """Those with that mark and the descendants of this process, but for what ends within the grace time."""
    me = psutil.Process()
    found = {each: Started(each, _command(each), "?") for each in me.children(recursive=True)}
    found |= {each.process: each for process in psutil.process_iter() if (each := _started(process, marked))}
    _, alive = psutil.wait_procs([process for process in found if process != me], timeout=grace_s)
    return [found[process] for process in alive]


def _started(process: psutil.Process, marked: str) -> Started | None:
    try:
        environ = process.environ()
        if environ.get(MARK) != marked:
            return None
        return Started(process, _command(process), environ.get("PYTEST_CURRENT_TEST", "?"))
    except psutil.Error:  # gone, or another user's
        return None


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return "?"
