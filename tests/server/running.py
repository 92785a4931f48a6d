"""The small application as a process: started, spoken to over blocking sockets, and ended."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from tempfile import TemporaryDirectory

PATIENCE_S = 20


class Connection:
    """One connection to a server, blocking."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._reader = self._socket.makefile("rb")

    def send(self, method: str, path: str) -> None:
        self._socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    def answer(self) -> tuple[int, bytes]:
        """Status and body."""
        status, length = int(self._reader.readline().split()[1]), 0
        while (line := self._reader.readline()) != b"\r\n":
            name, _, value = line.partition(b": ")
            length = int(value) if name == b"Content-Length" else length
        return status, self._reader.read(length)

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing arrives, not even the end, within this time."""
        return not select.select([self._socket], [], [], seconds)[0]

    def who(self) -> tuple[int, int]:
        """Worker id and process id of whoever answers on this connection."""
        self.send("GET", "/who")
        worker_id, pid = map(int, self.answer()[1].split())
        return worker_id, pid

    def closed(self) -> bool:
        """Whether the server closes the connection without another word."""
        try:
            return self._reader.read() == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


class Running:
    """A running server: a worker that is alone, or a supervisor with its workers."""

    def __init__(self, process: "subprocess.Popen[str]", connections: ExitStack) -> None:
        self.process = process
        self._connections = connections
        found = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)", self.out())
        assert found is not None
        self.port = int(found[1])

    def out(self) -> str:
        """The next line on stdout."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def log(self) -> str:
        """The next line on stderr."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def connect(self) -> Connection:
        connection = Connection(self.port)
        self._connections.callback(connection.close)
        return connection

    def park(self, path: str, worker_id: int = 0) -> Connection:
        """A connection with a request in flight."""
        connection = self.connect_to(worker_id)
        connection.send("POST", path)
        assert self.out() == "parked"
        return connection

    def connect_to(self, worker_id: int) -> Connection:
        """A connection that the kernel gave to this worker."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            connection = self.connect()
            if connection.who()[0] == worker_id:
                return connection
            assert time.monotonic() < deadline_s

    def workers(self, number: int) -> dict[int, int]:
        """Ask over fresh connections until `number` workers have answered; process ids by worker id."""
        found: dict[int, int] = {}
        deadline_s = time.monotonic() + PATIENCE_S
        while len(found) < number:
            assert time.monotonic() < deadline_s, found
            with suppress(ConnectionError), closing(Connection(self.port)) as connection:
                worker_id, pid = connection.who()  # reset: its worker was killed meanwhile
                found[worker_id] = pid
        return found

    def signal_group(self, number: signal.Signals) -> None:
        """What a Ctrl-C at the terminal does: the whole process group gets it."""
        os.killpg(self.process.pid, number)

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE_S)


def start(**environ: str) -> "subprocess.Popen[str]":
    """The small application in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.server.application"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PORT": "0", **environ},
        process_group=0,
    )


@contextmanager
def running(**environ: str) -> Iterator[Running]:
    with (
        TemporaryDirectory() as place,  # for what a supervisor leaves behind whose workers are killed, too
        start(TMPDIR=place, **environ) as process,
        ExitStack() as connections,
    ):
        try:
            yield Running(process, connections)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def refuses_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False
