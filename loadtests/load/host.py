"""The machine and the software that a load ran on, for its manifest."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from loadtests.results import Machine

PACKAGES = ("queen-bench", "locust", "gevent", "geventhttpclient", "hdrhistogram", "msgspec")


def this_machine() -> Machine:
    """What can be said about this machine without a database."""
    return Machine(
        system=platform.platform(),
        cpu_model=_cpu_model(),
        cpu_count=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        python=platform.python_version(),
        load_average_1m=round(os.getloadavg()[0], 2),
    )


def package_versions() -> dict[str, str]:
    """Versions of what the generator is made of."""
    return {name: found for name in PACKAGES if (found := _version(name))}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
