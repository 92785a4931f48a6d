"""The relay as a child process: its work must not be done by, nor be mixed up with, the harness."""

import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from queen.local.process import Child, ChildSpec

LISTENING = re.compile(r"listening on (\S+):(\d+)$")
START_DEADLINE_S = 15.0


@dataclass(frozen=True)
class RelayProcess:
    """A running relay: where it listens, and its process, for whoever wants to watch it."""

    host: str
    port: int
    child: Child

    @property
    def pid(self) -> int:
        """Process id."""
        return self.child.pid

    @classmethod
    @asynccontextmanager
    async def start(cls, *, host: str, port: int, rtt_ms: float, log: Path) -> AsyncIterator["RelayProcess"]:
        """Relay from a free port of 127.0.0.1 to `host`:`port`, with a round trip of `rtt_ms` more.

        Raises `ChildFailed` when it does not come up.
        """
        relay = (sys.executable, "-m", "queen.local.relay")
        spec = ChildSpec(
            name="relay",
            argv=(*relay, "--to", f"{host}:{port}", "--rtt-ms", f"{rtt_ms:g}"),
            environ={**os.environ, "PYTHONUNBUFFERED": "1"},
            log=log,
        )
        async with await Child.start(spec) as child:
            listening = await child.says(LISTENING, deadline_s=START_DEADLINE_S)
            yield cls(listening[1], int(listening[2]), child)
