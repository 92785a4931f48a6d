"""`queen serve` as a process, and a client's word with it."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PG_", "QUEEN_"))}


@dataclass(frozen=True)
class Served:
    """A running `queen serve`."""

    process: "subprocess.Popen[str]"
    url: str
    log: Path

    def postgres(self) -> list[int]:
        """Process ids of the PostgreSQL servers that it started."""
        children = psutil.Process(self.process.pid).children()
        return [child.pid for child in children if child.name().startswith("postgres")]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def serving(log: Path, *arguments: str, **environ: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "queen", "serve", "--port", "0", *arguments]
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            command, env=CLEAN | environ, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            listening = re.fullmatch(r"listening on (http://\S+)\n", line)
            assert listening, log.read_text()
            yield Served(process, listening[1], log)
        finally:
            process.kill()


def post(url: str, body: bytes) -> int:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        status: int = answer.status
        return status
