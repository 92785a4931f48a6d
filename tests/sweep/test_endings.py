"""A process of a trial that did not end as it should is remarked, whenever that was."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from loadtests.sweep.endings import Endings
from queen.local.process import Child, ChildSpec
from queen.local.relay_process import RelayProcess
from tests.waiting import until

SERVER = """\
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}))
print("up", flush=True)
signal.pause()
"""


async def server_that_exits_with(code: int, log: Path) -> Child:
    """A running child which ends with this exit code when it is told to stop."""
    argv = (sys.executable, "-c", SERVER.format(code=code))
    child = await Child.start(ChildSpec(name="server", argv=argv, environ={}, log=log))
    await until(lambda: "up" in log.read_text())
    return child


@pytest.mark.parametrize(
    ("code", "remarks"),
    [
        (0, []),
        (1, ["queen serve, told to stop, ended with exit code 1: what it had begun was cut off"]),
    ],
)
async def test_a_stop_that_cuts_something_off_is_remarked(
    tmp_path: Path, code: int, remarks: list[str]
) -> None:
    endings = Endings()
    async with await server_that_exits_with(code, tmp_path / "log") as server:
        endings.server_before_stop(server)
    endings.server_stopped(server)
    assert endings.remarks == remarks


async def test_a_server_that_died_under_the_load_is_remarked_once(tmp_path: Path) -> None:
    endings = Endings()
    async with await server_that_exits_with(0, tmp_path / "log") as server:
        server.send(signal.SIGKILL)
        await server.wait()
        endings.server_before_stop(server)
    endings.server_stopped(server)
    assert endings.remarks == ["queen serve ended with signal SIGKILL"]


@pytest.mark.parametrize("dies", [False, True])
async def test_a_relay_that_died_is_remarked(tmp_path: Path, dies: bool) -> None:
    endings = Endings()
    async with RelayProcess.start(host="127.0.0.1", port=1, rtt_ms=1, log=tmp_path / "log") as relay:
        if dies:
            os.kill(relay.pid, signal.SIGKILL)
            await until(lambda: not psutil.pid_exists(relay.pid))
        endings.relay_before_stop(relay.pid)
    assert endings.remarks == ["the relay ended before the server had drained"] * dies
