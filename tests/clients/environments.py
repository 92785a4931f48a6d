"""A virtual environment for each published client, made once and kept below the one that runs the tests.

The name of its directory says all that it depends on: client, lock and Python. It gets that name when it is
whole, so an interrupted run leaves nothing that a later one would take for an environment.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from house.index import uv_environment, uv_options
from house.install import exclusive, pip_settings

HERE = Path(__file__).parent
KEPT = Path(sys.prefix) / "clients"
BASE_PYTHON: str = sys._base_executable  # type: ignore[attr-defined]  # the one with the configured pip
PATIENCE_S = 40.0  # for one step of uv; below the time limit of a test


class NotInstalled(Exception):
    """The client could not be installed. One line with uv's reason."""


def lock_of(version: str) -> Path:
    """A client and all that it needs, with hashes."""
    return HERE / f"requirements-{version}.lock"


def python_with(lock: Path, kept: Path = KEPT) -> Path:
    """The Python that has what the lock names, and nothing of ours. Raises `NotInstalled`."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    environment = kept / f"{lock.stem}-{digest[:12]}-{platform.python_version()}"
    kept.mkdir(parents=True, exist_ok=True)
    with exclusive(kept / ".lock"):
        if not environment.exists():
            half = kept / "half-made"
            shutil.rmtree(half, ignore_errors=True)  # of a run that was interrupted
            _make(half, lock)
            half.rename(environment)
    return environment / "bin" / "python"


def _make(place: Path, lock: Path) -> None:
    settings = pip_settings([BASE_PYTHON, "-m", "pip"])
    environ = uv_environment(settings, os.environ)
    python = str(place / "bin" / "python")
    install = ("pip", "install", *uv_options(settings), "--no-deps", "--require-hashes")
    _uv(environ, "venv", "--relocatable", "--no-project", "--python", sys.executable, str(place))
    _uv(environ, *install, "--python", python, "--requirement", str(lock))


def _uv(environ: Mapping[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    try:
        subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.CalledProcessError as error:
        raise NotInstalled(" ".join(error.stderr.split())) from None
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"uv {arguments[0]} took more than {PATIENCE_S:.0f} s") from None
