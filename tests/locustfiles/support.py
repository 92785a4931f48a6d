"""Runs Locust as a child process, as a sweep and as a person would."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

LOCUSTFILES = Path(__file__).parents[2] / "loadtests" / "locustfiles"
DEADLINE_S = 40.0  # importing Locust takes a second, and several on a busy machine
Seen = TypeVar("Seen")


@contextmanager
def locust(
    name: str, *options: str, cwd: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A Locust process with a locustfile of ours; at the end it and its workers are killed if they still run.

    The workers outlive a master that is killed by a minute. They are in its process group, which is its own.
    """
    outer = {key: value for key, value in os.environ.items() if not key.startswith("LOCUST_")}
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILES / f"{name}.py"), *options]
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**outer, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def finish(process: subprocess.Popen[str], deadline_s: float = DEADLINE_S) -> str:
    """Wait for its end; returns its output."""
    output, _ = process.communicate(timeout=deadline_s)
    return output


def until(look: Callable[[], Seen | None]) -> Seen:
    """Wait for something to be there, with a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while (seen := look()) is None:
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)
    return seen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
