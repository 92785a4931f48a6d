"""CPU and memory of a process and its children, straight from Linux's /proc (proc(5)).

/proc/PID/task/PID/children lists the children without looking at any other process; it needs a kernel
with CONFIG_PROC_CHILDREN, as all distributions have.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# Fields of /proc/PID/stat behind the command's closing bracket, from 0; field 3 of proc(5) is 0 here.
USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM = 11, 12, 13, 14


@dataclass(frozen=True)
class Usage:
    """CPU seconds since the start of the process or processes; resident memory in bytes."""

    cpu_s: float
    rss_bytes: int


def available(pid: int) -> bool:
    """Whether the system tells a process's children this way."""
    return (PROC / str(pid) / "task" / str(pid) / "children").exists()


def read(pid: int) -> Usage:
    """The usage of a process, its living children, and those it has waited for.

    Pages that they share are counted once, as much as the largest sharer has. Raises OSError when the
    process is gone.
    """
    ticks = _cpu_ticks(pid, USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM)
    private, shared = _pages(pid)
    for child in (PROC / str(pid) / "task" / str(pid) / "children").read_text().split():
        with suppress(OSError):  # ended since the list was made
            more_private, also_shared = _pages(int(child))
            ticks += _cpu_ticks(int(child), USER, SYSTEM)
            private, shared = private + more_private, max(shared, also_shared)
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), (private + shared) * os.sysconf("SC_PAGE_SIZE"))


def _cpu_ticks(pid: int, *fields: int) -> int:
    with open(f"{PROC}/{pid}/stat", "rb", buffering=0) as file:
        values = file.read().rpartition(b")")[2].split()  # the command may hold brackets and blanks
    return sum(int(values[field]) for field in fields)


def _pages(pid: int) -> tuple[int, int]:
    """Resident pages of its own, and resident pages that it shares."""
    with open(f"{PROC}/{pid}/statm", "rb", buffering=0) as file:
        _, resident, shared, *_ = file.read().split()
    return int(resident) - int(shared), int(shared)
