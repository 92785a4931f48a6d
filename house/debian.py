"""Programs that tests need beside Python's packages, from Debian where that is possible.

Only root may install, and only where apt-get is. Elsewhere nothing happens, and the tests that need such a
program are skipped with the reason. An installation that fails is told and changes nothing else.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping

from house.install import say

PACKAGES = {"chromium": "chromium", "wrk": "wrk"}  # program → package


def missing(programs: Mapping[str, str] = PACKAGES) -> list[str]:
    """The packages of the programs that are not on the PATH."""
    return sorted({package for program, package in programs.items() if shutil.which(program) is None})


def install(packages: Iterable[str]) -> bool:
    """Install them with apt-get, if we may; whether they were. Takes some seconds and the network."""
    wanted = list(packages)
    if not wanted or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    say(f"installing {' '.join(wanted)} with apt-get, for the tests")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("update",), ("install", "--yes", "--no-install-recommends", *wanted)):
        done = subprocess.run(
            ("apt-get", "-qq", *command), env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            say(f"apt-get {command[0]} failed, so some tests will be skipped: {said}")
            return False
    return True
