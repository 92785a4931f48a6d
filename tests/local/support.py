"""What the tests of this room share: conditions with a deadline, harnesses to kill, places for others."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import psutil
import pytest

from queen.local.database import Database
from queen.local.leftovers import KERNEL_ENDS_CHILDREN
from tests.databases import connected

DEADLINE_S = 20.0

kernel_ends_children = pytest.mark.skipif(
    not KERNEL_ENDS_CHILDREN,
    reason="needs Linux, which ends a child with its parent; elsewhere the next run ends what is left",
)
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give it up for another user")


def wait_for(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> bool:
    """Poll a condition outside an event loop (inside: `tests.waiting`); whether it came true in time."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody collects has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def processes_naming(text: str) -> list[int]:
    """Processes with this text in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(text in word for word in process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@contextmanager
def harness(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that owns children and is there to be killed; it talks on stdout."""
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a harness prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def directory_for_all(mode: int = 0o755) -> Iterator[Path]:
    """A temporary directory that other users can enter (pytest's own cannot be)."""
    directory = Path(tempfile.mkdtemp(prefix="queen-test-", dir="/tmp"))
    directory.chmod(mode)
    try:
        yield directory
    finally:
        rmtree(directory, ignore_errors=True)


async def ask(database: Database, query: str) -> object:
    """One value from a database, over a connection of its own."""
    async with connected(database) as connection:
        return await connection.fetchval(query)
