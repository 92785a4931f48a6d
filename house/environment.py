"""The paths of one checkout, and the stamp that says what its `.venv` holds.

The stamp is removed before an installation and written after it, so an environment without one was
interrupted. It names the Python, the place (an environment cannot be moved) and what was installed.
"""

import enum
import hashlib
import platform
import re
import sys
from pathlib import Path
from typing import NamedTuple


class SetupError(Exception):
    """The environment cannot be made here. One line that says what to do."""


class State(enum.Enum):
    """What the stamp says about the environment."""

    READY = "nothing to do"
    STALE = "finished, but of another requirements.lock or pyproject.toml"
    UNUSABLE = "not there, interrupted, moved, or of another Python"


class Checkout(NamedTuple):
    """One directory with a clone of the project."""

    root: Path

    @property
    def lock(self) -> Path:
        """Every dependency with its hashes."""
        return self.root / "requirements.lock"

    @property
    def venv(self) -> Path:
        """The environment: everything that is installed goes here."""
        return self.root / ".venv"

    @property
    def bin(self) -> Path:
        """Where the commands of the environment are."""
        return self.venv / "bin"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.bin / "python"

    @property
    def stamp(self) -> Path:
        """Exists when, and only when, the installation was finished."""
        return self.venv / "bootstrap.stamp"

    def expected_stamp(self) -> str:
        """Two lines: which Python at which place; the SHA-256 of what says what to install."""
        digest = hashlib.sha256()
        for path in (self.lock, self.root / "pyproject.toml"):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return f"{platform.python_version()} {sys.base_prefix} {self.venv}\n{digest.hexdigest()}\n"

    def state(self) -> State:
        """Compare the stamp with what is expected; takes a millisecond. Raises OSError without a lock."""
        expected = self.expected_stamp()
        try:
            found = self.stamp.read_text(encoding="utf-8")
        except FileNotFoundError:
            return State.UNUSABLE
        if _interpreter(found) != _interpreter(expected) or not self.python.exists():
            return State.UNUSABLE
        return State.READY if found == expected else State.STALE


def locked_block(lock: str, name: str) -> str:
    """The lines of one package in the text of a lock file: the requirement and its hashes.

    Raises `SetupError` when the lock does not hold the package.
    """
    match = re.search(rf"^{re.escape(name)}==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    if match is None:
        raise SetupError(
            f"requirements.lock does not hold {name}; get it back by: git checkout requirements.lock"
        )
    return match.group()


def _interpreter(stamp: str) -> str:
    return stamp.partition("\n")[0]
