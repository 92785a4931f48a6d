"""What ties a worker to its supervisor: one socket pair, inherited by the worker alone.

    supervisor → worker   one byte for each SIGTERM or SIGINT that the supervisor was sent
    worker → supervisor   one line, a `Report`: it is ready, or why it cannot start
    end of file           the other one has gone: a worker then stops as for SIGTERM

A signal that a worker receives itself asks it to drain and never counts as the second: a Ctrl-C at the
terminal, or a service manager, reaches the whole process group, and the supervisor hands it on as well.
"""

import asyncio
import socket
from contextlib import suppress

import msgspec
from msgspec import Struct

from queen.server.stop import Stop

SIGNALLED = b"\0"
_AT_ONCE = 16  # bytes read together; more signals than that ask for nothing more


class Report(Struct, frozen=True):
    """How a worker's start went: `failure` is empty, or the one line for the user."""

    failure: str = ""


def encode(report: Report) -> bytes:
    """The line of a report."""
    return msgspec.json.encode(report) + b"\n"


def decode(line: bytes) -> Report | None:
    """The report of a line; None for what a worker left behind that ended without one."""
    if not line.endswith(b"\n"):
        return None
    return msgspec.json.decode(line, type=Report)


class Tether:
    """The worker's end."""

    def __init__(self, end: socket.socket, stop: Stop) -> None:
        """Obey from now on, on the running loop."""
        self.orphaned = False  # the supervisor has gone
        self._end = end
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._obey)

    def report(self, report: Report) -> None:
        """Tell the supervisor, if it is still there."""
        with suppress(OSError):
            self._end.sendall(encode(report))

    def _obey(self) -> None:
        said = self._said()
        for _ in said:
            self._stop.ask()
        if not said:
            self._loop.remove_reader(self._end)
            self.orphaned = True
            self._stop.ask_to_drain()

    def _said(self) -> bytes:
        """The bytes that have arrived; none at the end of file."""
        try:
            return self._end.recv(_AT_ONCE)
        except OSError:  # reset: the supervisor was killed with something unread
            return b""
