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

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
OWNER = """
import subprocess, sys, time
from pathlib import Path
from queen.local.leftovers import Roll

command = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(command, start_new_session=True)
Roll(Path(sys.argv[1])).add(child.pid, command)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, start_new_session=True) as process:
        try:
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
    for start, argv in ((started_s - 3600, SLEEP), (started_s, (*SLEEP, "more"))):
        write_roll(tmp_path, bystander.pid, start, argv)
        assert end_leftovers(tmp_path) == []
    assert bystander.poll() is None


def test_the_same_process_is_ended_whatever_else_the_roll_holds(
    tmp_path: Path, bystander: subprocess.Popen[bytes]
) -> None:
    write_roll(tmp_path, bystander.pid, psutil.Process(bystander.pid).create_time(), SLEEP)
    assert end_leftovers(tmp_path) == [bystander.pid]


def test_a_child_that_is_gone_already_is_not_written_down(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    Roll(tmp_path).add(process.pid, SLEEP)
    assert [roll.read_bytes() for roll in tmp_path.iterdir()] == [b""]
