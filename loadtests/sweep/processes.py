"""CPU and memory of processes, in as few looks as will do.

A look at one process costs about 0.1 ms. One at PostgreSQL's sixty costs 22 ms with psutil, which goes
through every process of the machine, and 2 ms with `proc_tree`: on Linux that is used.
"""

from contextlib import suppress

import psutil

from loadtests.sweep import proc_tree
from loadtests.sweep.proc_tree import Usage


class ProcessMeter:
    """One process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._process: psutil.Process | None = None
        self._last: Usage | None = None

    def read(self) -> Usage | None:
        """Its usage now; once it has ended the last one that was seen, None if it was never seen."""
        try:
            if self._process is None:
                self._process = psutil.Process(self._pid)
            with self._process.oneshot():
                times, memory = self._process.cpu_times(), self._process.memory_info()
            self._last = Usage(times.user + times.system, memory.rss)
        except psutil.Error:
            pass  # gone: what it used stays used
        return self._last


class TreeMeter:
    """A postmaster, or a server, and its children, ended ones included (where the system tells)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._read = proc_tree.read if proc_tree.available(pid) else _psutil_tree
        self._last: Usage | None = None

    def read(self) -> Usage | None:
        """The tree's usage now. Memory that children share with each other is counted once."""
        with suppress(OSError, psutil.Error):  # gone: what it used stays used
            self._last = self._read(self._pid)
        return self._last


def _psutil_tree(pid: int) -> Usage:
    parent = psutil.Process(pid)
    times = parent.cpu_times()
    cpu_s = times.user + times.system + times.children_user + times.children_system
    rss_bytes = parent.memory_info().rss
    for child in parent.children():
        try:
            child_times = child.cpu_times()
            rss_bytes = max(rss_bytes, child.memory_info().rss)  # the system does not tell what is shared
        except psutil.Error:
            continue  # ended since the list was made
        cpu_s += child_times.user + child_times.system
    return Usage(cpu_s, rss_bytes)


def machine_busy_s() -> float:
    """CPU seconds that the machine has spent on anything, time stolen by its host included."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # are part of user and nice
    return float(sum(times) - idle - guests)
