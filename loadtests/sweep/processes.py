"""CPU and memory of processes, in as few looks as will do.

A look at one process costs about 30 µs; one at all of PostgreSQL's costs milliseconds, because it goes
through every process of the machine, so the sampler does that less often.
"""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """CPU seconds since the start of the process or processes; resident memory in bytes."""

    cpu_s: float
    rss_bytes: int


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
    """PostgreSQL: a postmaster and its children, those that have ended included (where the system tells)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._last: Usage | None = None

    def read(self) -> Usage | None:
        """The tree's usage now. Memory that children share with each other is counted once."""
        try:
            parent = psutil.Process(self._pid)
            times = parent.cpu_times()
            cpu_s = times.user + times.system + times.children_user + times.children_system
            private, shared = _private_and_shared(parent)
            for child in parent.children():
                try:
                    with child.oneshot():
                        child_times = child.cpu_times()
                        more, also = _private_and_shared(child)
                except psutil.Error:
                    continue  # ended since the list was made
                cpu_s += child_times.user + child_times.system
                private, shared = private + more, max(shared, also)
            self._last = Usage(cpu_s, private + shared)
        except psutil.Error:
            pass
        return self._last


def machine_busy_s() -> float:
    """CPU seconds that the machine has spent on anything, time stolen by its host included."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # are part of user and nice
    return float(sum(times) - idle - guests)


def _private_and_shared(process: psutil.Process) -> tuple[int, int]:
    memory = process.memory_info()
    shared = getattr(memory, "shared", 0)
    return memory.rss - shared, shared
