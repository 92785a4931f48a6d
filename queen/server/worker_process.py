"""A worker as its supervisor sees it: a process that is started, reports once, is signalled, and ends."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Self

from queen.server.membership import Membership
from queen.server.stop import signals_held
from queen.server.tether import SIGNALLED, Report, decode


class WorkerProcess:
    """A running worker, or what is left of one."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._started_s = time.monotonic()

    @classmethod
    async def start(cls, program: Sequence[str], membership: Membership, settings: Mapping[str, str]) -> Self:
        """Execute the program with its place and settings; returns at once. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            try:
                with signals_held():
                    process = await asyncio.create_subprocess_exec(
                        *program,
                        *membership.arguments(theirs.fileno()),
                        stdin=asyncio.subprocess.DEVNULL,
                        env={**os.environ, **settings},
                        pass_fds=(theirs.fileno(),),
                    )
            except OSError:
                writer.close()
                raise
        return cls(process, reader, writer)

    @property
    def lived_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    async def report(self) -> Report | None:
        """Wait for its word; None when it ends without one."""
        with suppress(OSError):  # reset: it was killed with something unread
            return decode(await self._reader.readline())
        return None

    async def ended(self) -> int:
        """Wait for its end; returns the exit code, or -N after signal N."""
        code = await self._process.wait()
        self._writer.close()
        return code

    def signal(self) -> None:
        """Hand one SIGTERM or SIGINT on."""
        if self._process.returncode is None:
            self._writer.write(SIGNALLED)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        with suppress(ProcessLookupError):
            self._process.kill()


def describe_exit(code: int) -> str:
    """`exit code 1`, `signal SIGKILL`."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
