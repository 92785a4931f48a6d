"""A published client as a process: runs the scripts of `scripts/` with it, and reads what it reports."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.conformance.client import Client, Queue

SCRIPTS = Path(__file__).parent / "scripts"
GOODBYE_S = 10.0  # for a process that has nothing left to do


@dataclass(frozen=True)
class Played:
    """What the client reported of a play, and the play's queue, over HTTP without the client."""

    report: Any
    queue: Queue


@dataclass(frozen=True)
class PublishedClient:
    """One version, in its own environment."""

    version: str
    python: Path

    @contextmanager
    def at(self, url: str, log: Path, **environ: str) -> "Iterator[Plays]":
        """A process of it that plays on the server at `url`. Nothing of our environment reaches it.

        `environ` is added to what it is told; what it prints by itself goes to `log`.
        """
        with (
            log.open("wb") as errors,
            subprocess.Popen(
                [self.python, SCRIPTS / "run.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={"QUEEN_URL": url, "QUEUE_PREFIX": self.version, "PYTHONUTF8": "1", **environ},
                text=True,
            ) as process,
        ):
            assert process.stdin is not None and process.stdout is not None
            try:
                yield Plays(self.version, Client.of(url), process.stdin, process.stdout, log)
                process.stdin.close()
                process.wait(GOODBYE_S)
            finally:
                process.kill()


class Plays:
    """What one client did on one server; each script runs once, when it is first asked for."""

    def __init__(self, version: str, http: Client, ask: IO[str], told: IO[str], log: Path) -> None:
        self._version = version
        self._http = http
        self._ask = ask
        self._told = told
        self._log = log
        self._reports: dict[str, dict[str, Any]] = {}

    def __call__(self, subject: str, play: str) -> Played:
        """The play of that name in `scripts/<subject>.py`; the test fails when the play did.

        Blocks until the whole script has run: a few seconds.
        """
        if subject not in self._reports:
            print(subject, file=self._ask, flush=True)
            line = self._told.readline()
            assert line, f"the client ended: {self._log.read_text(encoding='utf-8')}"
            self._reports[subject] = json.loads(line)
        report = self._reports[subject][play]
        assert "traceback" not in report, report["traceback"]
        return Played(report, Queue(self._http, f"{self._version}-{subject}-{play}"))
