"""Children that outlived a killed owner, where the kernel does not end them for us (not on Linux).

Each owner keeps a roll: a file with a line for each child. The owner holds a lock on it; a roll whose
lock is free belongs to a dead owner, and the next owner ends what is on it. Only what is provably the
same process is touched: process id, start time and command must all agree.
"""

import fcntl
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
import psutil

KERNEL_ENDS_CHILDREN = sys.platform == "linux"  # PR_SET_PDEATHSIG, see exec_child.py
START_TOLERANCE_S = 1.0


class Entry(msgspec.Struct, frozen=True):
    """One child: enough to know it again."""

    pid: int
    started_s: float  # since the epoch, as psutil gives it
    argv: tuple[str, ...]


class Roll:
    """The children of this process, on file."""

    def __init__(self, directory: Path) -> None:
        self._file, _ = tempfile.mkstemp(prefix="children-", suffix=".roll", dir=directory)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def add(self, pid: int, argv: Sequence[str]) -> None:
        """Write a child down that was just started."""
        with suppress(psutil.NoSuchProcess):
            entry = Entry(pid, psutil.Process(pid).create_time(), tuple(argv))
            os.write(self._file, msgspec.json.encode(entry) + b"\n")


def write_down(pid: int, argv: Sequence[str]) -> None:
    """Remember a child that was just started, where the kernel would not end it with us."""
    if not KERNEL_ENDS_CHILDREN:
        _own_roll().add(pid, argv)


def end_those_of_dead_owners() -> None:
    """End what killed owners left behind, where the kernel has not done so; once in a process' life."""
    if not KERNEL_ENDS_CHILDREN:
        _own_roll()


@cache
def _own_roll() -> Roll:
    directory = roll_directory()
    end_leftovers(directory)
    return Roll(directory)


def roll_directory() -> Path:
    """Where this user's rolls are. Raises PermissionError when it is somebody else's."""
    directory = Path(tempfile.gettempdir()) / f"queen-children-{os.geteuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(f"{directory} belongs to another user: remove it")
    return directory


def end_leftovers(directory: Path) -> list[int]:
    """Kill the children of dead owners, with their groups; returns the process ids."""
    ended: list[int] = []
    for path in directory.glob("*.roll"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ended += [entry.pid for entry in _entries(file.read()) if _end(entry)]
            path.unlink()
    return ended


def _entries(text: bytes) -> list[Entry]:
    found: list[Entry] = []
    for line in text.splitlines():
        with suppress(msgspec.DecodeError):  # a line cut short by the owner's death
            found.append(msgspec.json.decode(line, type=Entry))
    return found


def _end(entry: Entry) -> bool:
    with suppress(psutil.Error, ProcessLookupError):
        process = psutil.Process(entry.pid)
        same_start = abs(process.create_time() - entry.started_s) < START_TOLERANCE_S
        # argv[0] may differ: an interpreter can execute itself by another path
        if same_start and tuple(process.cmdline()[1:]) == entry.argv[1:]:
            os.killpg(entry.pid, signal.SIGKILL)
            return True
    return False
