"""A published client as a process: runs a script of `scripts/` with it, and reads what it reports."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.client import Client, Queue

SCRIPTS = Path(__file__).parent / "scripts"
PATIENCE_S = 40.0  # for one script; below the time limit of a test


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

    async def run(self, subject: str, url: str, **environ: str) -> dict[str, Played]:
        """Run all plays of `scripts/<subject>.py` on the server at `url`; by the play's name.

        Each has a queue of its own. Nothing of our environment reaches the client but `environ`. Raises
        AssertionError with the script's output when it does not come to its end; a play that failed has its
        traceback as its report.
        """
        prefix = f"{self.version}-{subject}"
        process = await asyncio.create_subprocess_exec(
            *(self.python, SCRIPTS / "run.py", subject),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"QUEEN_URL": url, "QUEUE_PREFIX": prefix, "PYTHONUTF8": "1", **environ},
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                output, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, f"{subject}: {output.decode()}{errors.decode()}"
        reports = json.loads(output.splitlines()[-1])  # what stands before it, the client prints by itself
        http = Client(url)
        return {play: Played(report, Queue(http, f"{prefix}-{play}")) for play, report in reports.items()}


class Plays:
    """What one client did on one server; each script runs once, when it is first asked for."""

    def __init__(self, client: PublishedClient, url: str) -> None:
        self._client = client
        self._url = url
        self._done: dict[str, dict[str, Played]] = {}

    async def __call__(self, subject: str, play: str) -> Played:
        """The play of that name in `scripts/<subject>.py`; the test fails when the play did."""
        if subject not in self._done:
            self._done[subject] = await self._client.run(subject, self._url)
        played = self._done[subject][play]
        assert "traceback" not in played.report, played.report["traceback"]
        return played
