"""A worker as a process: ready line, signals, drain, taken ports, closed pipes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

PATIENCE_S = 20


class Connection:
    """One connection to a worker, blocking."""

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

    def closed(self) -> bool:
        """Whether the worker closes the connection without another word."""
        try:
            return self._reader.read() == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


class Worker:
    """A running worker process."""

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

    def park(self, path: str) -> Connection:
        """A connection with a request in flight."""
        connection = self.connect()
        connection.send("POST", path)
        assert self.out() == "parked"
        return connection

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE_S)


def start(**environ: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.server.application"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PORT": "0", **environ},
    )


@contextmanager
def worker(**environ: str) -> Iterator[Worker]:
    with start(**environ) as process, ExitStack() as connections:
        try:
            yield Worker(process, connections)
        finally:
            process.kill()


def refuses_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_is_in_flight_finish(number: signal.Signals) -> None:
    with worker() as running:
        idle, client = running.connect(), running.park("/park")
        idle.send("GET", "/livez")
        assert idle.answer() == (200, b'{"loop":"uvloop"}')
        running.process.send_signal(number)
        assert client.answer() == (204, b"")
        assert client.closed()
        assert idle.closed()
        assert running.out() == "application closed"
        assert running.exit_code() == 0


def test_no_new_connections_while_it_drains() -> None:
    with worker() as running:
        running.park("/stuck")
        running.process.terminate()
        assert '"event":"stopping","in_flight":1' in running.log()
        deadline_s = time.monotonic() + PATIENCE_S
        while not refuses_connections(running.port):
            assert time.monotonic() < deadline_s
        assert running.process.poll() is None


def test_a_second_signal_cuts_off_what_still_runs() -> None:
    with worker() as running:
        client = running.park("/stuck")
        running.process.terminate()
        assert '"event":"stopping"' in running.log()
        running.process.terminate()
        assert client.closed()
        assert running.exit_code() == 1


def test_the_grace_ends() -> None:
    with worker(SHUTDOWN_GRACE="100") as running:
        client = running.park("/stuck")
        running.process.terminate()
        assert client.closed()
        assert running.out() == "application closed"
        assert running.exit_code() == 1


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start(PORT=str(port)) as process:
            _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert stderr.splitlines() == [
        f"PORT={port}: address already in use on 127.0.0.1; stop the other server or set another PORT"
    ]


def test_a_host_that_is_not_known_is_one_line() -> None:
    with start(HOST="no.such.host.invalid") as process:
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert stderr.startswith("HOST=no.such.host.invalid: ")
    assert stderr.count("\n") == 1


def test_closed_pipes_do_not_stop_it() -> None:
    with worker() as running:
        client = running.connect()
        for pipe in (running.process.stdout, running.process.stderr):
            assert pipe is not None
            pipe.close()
        client.send("POST", "/fail")
        assert client.answer()[0] == 500  # and its log line goes nowhere
        client.send("GET", "/livez")
        assert client.answer()[0] == 200
        running.process.terminate()
        assert client.closed()
        assert running.exit_code() == 0


def test_it_serves_although_nobody_can_read_that_it_is_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tests.server.application"]
    with subprocess.Popen(command, stdout=writer, env={**os.environ, "PORT": str(port)}) as process:
        os.close(writer)
        try:
            deadline_s = time.monotonic() + PATIENCE_S
            while refuses_connections(port):
                assert process.poll() is None
                assert time.monotonic() < deadline_s
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
