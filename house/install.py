"""Makes `.venv` hold what `requirements.lock` says: uv where it runs, pip where it does not.

One set-up at a time: a file lock is held by this process and by the installers that it starts, so it
lasts until the last of them has ended, even when this process is killed.
"""

import contextlib
import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from house.environment import Checkout, SetupError, State, locked_block
from house.index import parse_pip_settings, uv_environment, uv_options

_PIP_INSTALL = ("install", "--quiet", "--no-deps", "--no-input", "--disable-pip-version-check")
_THIS_PROJECT = ("--no-deps", "--no-build-isolation", "--editable", ".")


def set_up(checkout: Checkout) -> None:
    """Bring `.venv` up to date. Raises `SetupError` when no way of installing works, and OSError."""
    if checkout.state() is State.READY:
        return
    with exclusive(checkout.root / ".venv.lock") as held:
        state = checkout.state()  # another process may have done it meanwhile
        if state is State.READY:
            return
        started = time.perf_counter()
        stamp = checkout.expected_stamp()
        checkout.stamp.unlink(missing_ok=True)
        installer = Installer(checkout, held)
        ways = [installer.build_with_uv, installer.build_with_pip]
        if state is State.STALE:
            say("requirements.lock or pyproject.toml has changed: bringing .venv up to date")
            ways.insert(0, installer.update)
        else:
            say(f"setting up .venv with Python {platform.python_version()} (once, about 10 to 40 seconds)")
        first_that_works(ways)
        checkout.stamp.write_text(stamp, encoding="utf-8")
        say(f"ready after {time.perf_counter() - started:.1f} s")


def first_that_works(ways: Sequence[Callable[[], None]]) -> None:
    """Try one way of installing after the other. Raises `SetupError` when none works."""
    for way in ways:
        try:
            way()
        except subprocess.CalledProcessError as error:
            say(f"{Path(error.cmd[0]).name} failed with exit code {error.returncode}; trying another way")
        except OSError as error:
            say(f"{error}; trying another way")
        else:
            return
    raise SetupError(
        "nothing could be installed (see above); a proxy or mirror? set HTTPS_PROXY or PIP_INDEX_URL"
    )


class Installer:
    """Runs pip and uv for one checkout. Every method may raise CalledProcessError and OSError."""

    def __init__(self, checkout: Checkout, held: IO[str]) -> None:
        self._checkout = checkout
        self._held = held

    def update(self) -> None:
        """Bring a finished environment to the present lock, with the uv that is in it."""
        self._sync_with_uv(self._pip())

    def build_with_uv(self) -> None:
        """Make the environment anew; pip installs uv alone, uv the rest."""
        pip = self._empty_environment()
        say("1/3 fetching the installer (uv)")
        wanted = self._checkout.venv / "uv.txt"
        wanted.write_text(
            locked_block(self._checkout.lock.read_text(encoding="utf-8"), "uv"), encoding="utf-8"
        )
        self._run([*pip, *_PIP_INSTALL, "--require-hashes", "--requirement", str(wanted)])
        self._sync_with_uv(pip)

    def build_with_pip(self) -> None:
        """Make the environment anew with pip alone: slower, for machines on which uv does not run."""
        pip = self._empty_environment()
        say("2/3 installing the locked packages with pip (about a minute)")
        self._run([*pip, *_PIP_INSTALL, "--require-hashes", "--requirement", str(self._checkout.lock)])
        say("3/3 installing this project")
        self._run([*pip, *_PIP_INSTALL, *_THIS_PROJECT])

    def _empty_environment(self) -> list[str]:
        """Make `.venv` anew without packages; returns how to call pip for it."""
        venv = self._checkout.venv
        if venv.is_symlink():
            venv.unlink()
        elif venv.exists():
            shutil.rmtree(venv)
        self._run([sys.executable, "-m", "venv", "--without-pip", str(venv)])
        return self._pip()

    def _pip(self) -> list[str]:
        """The pip beside this Python, working from outside; else the one that Python carries.

        Debian has the first without the second (python3-venv), some installations have it the other
        way round. Raises `SetupError` when there is neither.
        """
        python = str(self._checkout.python)
        if has_pip_that_works_from_outside():
            return [sys.executable, "-m", "pip", "--python", python]
        if subprocess.run([python, "-m", "ensurepip"], capture_output=True, check=False).returncode == 0:
            return [python, "-m", "pip"]
        raise SetupError(
            "this Python has neither pip nor ensurepip; on Debian or Ubuntu: apt install python3-venv"
        )

    def _sync_with_uv(self, pip: Sequence[str]) -> None:
        settings = pip_settings(pip[:3])  # without --python: the configuration is that of this pip
        environ = uv_environment(settings, os.environ)
        uv = [str(self._checkout.bin / "uv"), "pip"]
        options = [*uv_options(settings), "--quiet", "--python", str(self._checkout.python)]
        say("2/3 installing the locked packages, each checked against its hash")
        self._run([*uv, "sync", *options, "--require-hashes", str(self._checkout.lock)], environ)
        say("3/3 installing this project")
        self._run([*uv, "install", *options, *_THIS_PROJECT], environ)

    def _run(self, command: Sequence[str], environ: Mapping[str, str] = os.environ) -> None:
        subprocess.run(
            command,
            env={**environ, "PIP_USER": "0"},
            stdout=sys.stderr,
            cwd=self._checkout.root,
            pass_fds=(self._held.fileno(),),
            check=True,
        )


def has_pip_that_works_from_outside() -> bool:
    """Whether this Python has a pip that knows `--python`, which came with pip 22.3."""
    from importlib import metadata, util  # a third of the time of a run that has nothing to do

    found = util.find_spec("pip")
    if found is None or found.origin is None:
        return False
    return [int(number) for number in re.findall(r"\d+", metadata.version("pip"))] >= [22, 3]


def pip_settings(pip: Sequence[str]) -> dict[str, str]:
    """What pip is configured with, files and environment together; empty when there is no pip to ask."""
    command = [*pip, "--disable-pip-version-check", "config", "list"]
    listing = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    return parse_pip_settings(listing.stdout)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[IO[str]]:
    """Hold a lock between processes; the system takes it back when its holders end, however they end."""
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up in this directory")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def say(text: str) -> None:
    """One line of progress on stderr."""
    print(f"queen: {text}", file=sys.stderr, flush=True)
