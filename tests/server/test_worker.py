"""A worker as a process: ready line, signals, drain, taken ports, closed pipes."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.local.support import wait_for
from tests.server.running import PATIENCE_S, refuses_connections, running, start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_is_in_flight_finish(number: signal.Signals) -> None:
    with running() as server:
        idle, client = server.connect(), server.park("/park")
        idle.send("GET", "/livez")
        assert idle.answer() == (200, b'{"loop":"uvloop"}')
        server.process.send_signal(number)
        assert client.answer() == (204, b"")
        assert client.closed()
        assert idle.closed()
        assert server.out() == "application closed"
        assert server.exit_code() == 0


def test_no_new_connections_while_it_drains() -> None:
    with running() as server:
        server.park("/stuck")
        server.process.terminate()
        assert '"event":"stopping","in_flight":1' in server.log()
        assert wait_for(lambda: refuses_connections(server.port))
        assert server.process.poll() is None


def test_a_second_signal_cuts_off_what_still_runs() -> None:
    with running() as server:
        client = server.park("/stuck")
        server.process.terminate()
        assert '"event":"stopping"' in server.log()
        server.process.terminate()
        assert client.closed()
        assert server.exit_code() == 1


def test_the_grace_ends() -> None:
    with running(SHUTDOWN_GRACE="100") as server:
        client = server.park("/stuck")
        server.process.terminate()
        assert client.closed()
        assert server.out() == "application closed"
        assert server.exit_code() == 1


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


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_closed_pipes_do_not_stop_it(unbuffered: str) -> None:
    with running(PYTHONUNBUFFERED=unbuffered) as server:
        client = server.connect()
        for pipe in (server.process.stdout, server.process.stderr):
            assert pipe is not None
            pipe.close()
        client.send("POST", "/fail")
        assert client.answer()[0] == 500  # and its log line goes nowhere
        client.send("GET", "/livez")
        assert client.answer()[0] == 200
        server.process.terminate()
        assert client.closed()
        assert server.exit_code() == 0


def test_it_serves_although_nobody_can_read_that_it_is_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tests.server.application"]
    with subprocess.Popen(command, stdout=writer, env={**os.environ, "PORT": str(port)}) as process:
        os.close(writer)
        try:
            assert wait_for(lambda: process.poll() is not None or not refuses_connections(port))
            assert process.poll() is None
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
