"""Where the kernel does not end the children of a dead owner, the next run does - and only those."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from queen.local.leftovers import Roll, end_leftovers
from tests.local.support import harness, is_gone, line_of, wait_for

LIVES = (sys.executable, "-c", "import signal; signal.pause()")
OWNER = """
import signal, subprocess, sys
from pathlib import Path
from queen.local.leftovers import Roll

command = [sys.executable, "-c", "import signal; signal.pause()"]
child = subprocess.Popen(command, start_new_session=True)
Roll(Path(sys.argv[1])).add(child.pid, command)
print(child.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(LIVES, start_new_session=True) as process:
        try:  # for an instant after its start a process has no command line
            assert wait_for(lambda: tuple(psutil.Process(process.pid).cmdline()) == LIVES)
            yield process
        finally:
            process.kill()


def write_roll(directory: Path, pid: int, started_s: float, argv: tuple[str, ...]) -> Path:
    roll = directory / "children-of-a-dead-owner.roll"
    roll.write_text(json.dumps({"pid": pid, "started_s": started_s, "argv": argv}) + '\n{"pid": 1')
    return roll


def test_the_child_of_a_killed_owner_is_ended_by_the_next_run(tmp_path: Path) -> None:
    with harness(OWNER, str(tmp_path)) as owner:
        child = int(line_of(owner))
        assert wait_for(lambda: len(psutil.Process(child).cmdline()) > 1)  # it has none for an instant
        assert end_leftovers(tmp_path) == [], "its owner lives"
        owner.kill()
        owner.wait()
        assert end_leftovers(tmp_path) == [child]
        assert wait_for(lambda: is_gone(child))
    assert list(tmp_path.iterdir()) == []


def test_another_process_with_the_same_id_is_left_alone(
    tmp_path: Path, bystander: subprocess.Popen[bytes]
) -> None:
    started_s = psutil.Process(bystander.pid).create_time()
    for start, argv in ((started_s - 3600, LIVES), (started_s, (*LIVES, "more"))):
        write_roll(tmp_path, bystander.pid, start, argv)
        assert end_leftovers(tmp_path) == []
    assert bystander.poll() is None


def test_the_same_process_is_ended_whatever_else_the_roll_holds(
    tmp_path: Path, bystander: subprocess.Popen[bytes]
) -> None:
    write_roll(tmp_path, bystander.pid, psutil.Process(bystander.pid).create_time(), LIVES)
    assert end_leftovers(tmp_path) == [bystander.pid]


def test_a_child_that_is_gone_already_is_not_written_down(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    Roll(tmp_path).add(process.pid, LIVES)
    assert [roll.read_bytes() for roll in tmp_path.iterdir()] == [b""]


OWNER_WITHOUT_KERNEL = """
import asyncio, sys, tempfile
from pathlib import Path
from queen.local import leftovers, process
from queen.local.process import Child, ChildSpec

tempfile.tempdir = sys.argv[1]
leftovers.KERNEL_ENDS_CHILDREN = False

async def main():
    leftovers.end_those_of_dead_owners()
    program = ("/usr/bin/tail", "-f", "/dev/null")
    spec = ChildSpec(name="c", argv=program, environ={}, log=Path("/dev/null"))
    async with await Child.start(spec) as child:
        print(child.pid, flush=True)
        await asyncio.Event().wait()

process.EXEC_CHILD = Path(sys.argv[2])  # the last step as it is elsewhere: without the kernel's help
asyncio.run(main())
"""
EXEC_ONLY = "import os, sys; os.execv(sys.argv[4], sys.argv[4:])"


def test_whole_a_child_is_written_down_and_ended_by_the_next_owner(tmp_path: Path) -> None:
    shim = tmp_path / "exec_only.py"
    shim.write_text(EXEC_ONLY)
    with harness(OWNER_WITHOUT_KERNEL, str(tmp_path), str(shim)) as owner:
        child = int(line_of(owner))
        assert wait_for(lambda: psutil.Process(child).name() == "tail")
        owner.kill()
        owner.wait()
        assert not is_gone(child)
        with harness(OWNER_WITHOUT_KERNEL, str(tmp_path), str(shim)) as next_owner:
            theirs = int(line_of(next_owner))
            assert wait_for(lambda: is_gone(child))
            assert not is_gone(theirs)
            psutil.Process(theirs).kill()
