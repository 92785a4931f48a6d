"""The queue server as a child process, with exactly the settings it is given."""

import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from queen.local.process import Child, ChildSpec
from queen.settings import Settings

SERVE = (sys.executable, "-m", "queen", "serve")
LISTENING = re.compile(r"listening on (http://\S+)")
START_DEADLINE_S = 60.0  # an embedded PostgreSQL may have to start first
STOP_GRACE_S = 30.0  # the server drains for SHUTDOWN_GRACE, then its PostgreSQL stops
OURS = frozenset(field.encode_name for field in msgspec.structs.fields(Settings))


class QueenServer:
    """A running `queen serve`."""

    def __init__(self, child: Child, url: str) -> None:
        self._child = child
        self.url = url

    @property
    def pid(self) -> int:
        """Process id; with an outside database it and its children, if any, are all that serves."""
        return self._child.pid

    @property
    def child(self) -> Child:
        """The process, for whoever wants to signal it or read its log."""
        return self._child

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        settings: Settings | Mapping[str, str],
        *,
        log: Path,
        log_stays: bool = True,
        command: tuple[str, ...] = SERVE,
        deadline_s: float = START_DEADLINE_S,
    ) -> AsyncIterator["QueenServer"]:
        """Start the server, wait until it listens, and stop it with SIGTERM at the end.

        Of our own environment only what is no setting of the server is passed on: nothing but
        `settings` configures it. `log_stays` as in `ChildSpec`. Raises `ChildFailed`
        when it does not come up within `deadline_s`.
        """
        spec = ChildSpec(
            name="queen serve",
            argv=command,
            environ=server_environ(settings, os.environ),
            log=log,
            log_stays=log_stays,
            grace_s=STOP_GRACE_S,
        )
        async with await Child.start(spec) as child:
            listening = await child.says(LISTENING, deadline_s=deadline_s)
            yield cls(child, listening[1])


def server_environ(settings: Settings | Mapping[str, str], outer: Mapping[str, str]) -> dict[str, str]:
    """The server's environment: ours without any setting of the server, then `settings`."""
    given = settings.environ() if isinstance(settings, Settings) else settings
    passed_on = {name: value for name, value in outer.items() if name not in OURS}
    return {**passed_on, "PYTHONUNBUFFERED": "1", **given}
