"""Processes to look at."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

BURN = "import time\nwhile time.process_time() < 0.3: pass\nprint('burnt', flush=True)\ninput()"
RUN_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])"
PARENT = f"{RUN_CHILD}\nprint('waited', flush=True)\ninput()"


@pytest.fixture
def parent() -> Iterator["subprocess.Popen[str]"]:
    """A process that does nothing, and its child that has burnt 0.3 s of CPU and waits for a line."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "burnt\n"
        yield process
        process.kill()
