"""A small checkout whose set-up needs no network: own lock, own wheels, an uv that only notes its calls."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from house.environment import Checkout
from tests.house import wheels

ROOT = Path(__file__).resolve().parents[2]
BASE_PYTHON: str = sys._base_executable  # type: ignore[attr-defined]

PYPROJECT = """
[build-system]
requires = []
build-backend = "wheels"
backend-path = ["."]

[project]
name = "checkout"
version = "1"
"""

NOTING_UV = """#!python
import json, os, sys
with open(os.environ["UV_NOTES"], "a") as notes:
    notes.write(json.dumps({"arguments": sys.argv[1:], "index": os.environ.get("UV_FIND_LINKS")}) + "\\n")
sys.exit(int(os.environ.get("UV_EXIT_CODE", "0")))
"""


@dataclass(frozen=True)
class SmallCheckout:
    """A directory with `bootstrap.py`, and how to run it there."""

    checkout: Checkout
    notes: Path
    environ: dict[str, str]

    def start(
        self, *arguments: str, python: Sequence[str] = (BASE_PYTHON,), **extra: str
    ) -> subprocess.Popen[str]:
        """Start `bootstrap.py` with the Python that this environment was made with."""
        return subprocess.Popen(
            [*python, "bootstrap.py", *arguments],
            cwd=self.checkout.root,
            env={**self.environ, **extra},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, python: Sequence[str] = (BASE_PYTHON,), **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `bootstrap.py` to its end."""
        process = self.start(*arguments, python=python, **extra)
        output, errors = process.communicate(timeout=50)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def uv_calls(self) -> list[str]:
        """What uv was asked for, one word a call: sync or install."""
        if not self.notes.exists():
            return []
        return [json.loads(line)["arguments"][1] for line in self.notes.read_text().splitlines()]

    def put_command(self, name: str, script: str) -> None:
        """Put a shell script among the commands of `.venv`."""
        command = self.checkout.bin / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)

    def pretend_to_be_set_up(self) -> None:
        """Make the least that counts as a finished environment; installs nothing."""
        self.checkout.bin.mkdir(parents=True)
        self.checkout.python.symlink_to(sys.executable)
        expected = "from pathlib import Path; from house.environment import Checkout; import sys; "
        expected += "c = Checkout(Path.cwd()); c.stamp.write_text(c.expected_stamp())"
        subprocess.run([BASE_PYTHON, "-c", expected], cwd=self.checkout.root, check=True)


@pytest.fixture
def small(tmp_path: Path) -> SmallCheckout:
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "house", root / "house", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "bootstrap.py", root)
    shutil.copy(wheels.__file__, root / "wheels.py")
    store = tmp_path / "wheels"
    store.mkdir()
    uv = wheels.write_wheel(store, "uv", "9.9", {"uv-9.9.data/scripts/uv": NOTING_UV})
    dependency = wheels.write_wheel(store, "dependency", "1.0", {"dependency.py": "VALUE = 42\n"})
    (root / "requirements.lock").write_text(wheels.lock_lines(dependency) + wheels.lock_lines(uv))
    (root / "pyproject.toml").write_text(PYPROJECT)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "VIRTUAL_"))
    }
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(store), "PIP_CONFIG_FILE": os.devnull}
    notes = tmp_path / "uv-notes.jsonl"
    return SmallCheckout(Checkout(root), notes, {**kept, **offline, "UV_NOTES": str(notes)})
