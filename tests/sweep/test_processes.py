"""CPU and memory of real processes, with /proc and with psutil alike."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtests.sweep import proc_tree, processes
from loadtests.sweep.proc_tree import Usage
from loadtests.sweep.processes import ProcessMeter, TreeMeter, machine_busy_s


@pytest.mark.parametrize("read", [proc_tree.read, processes._psutil_tree])
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc, which only Linux has")
def test_a_tree_holds_its_living_and_its_ended_children(
    parent: "subprocess.Popen[str]", read: Callable[[int], Usage]
) -> None:
    living = read(parent.pid)
    assert 0.3 - 0.02 <= living.cpu_s < 2  # each of the two is told in whole hundredths
    assert living.rss_bytes > 1_000_000
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write("\n")  # read by the child, which ends
    parent.stdin.flush()
    assert parent.stdout.readline() == "waited\n"
    assert read(parent.pid).cpu_s >= living.cpu_s - 0.001  # sums of hundredths


def test_both_ways_agree(parent: "subprocess.Popen[str]") -> None:
    assert TreeMeter(parent.pid).read() is not None
    assert proc_tree.read(parent.pid).cpu_s == pytest.approx(
        processes._psutil_tree(parent.pid).cpu_s, abs=0.05
    )


def test_what_a_process_used_stays_used_when_it_is_gone(parent: "subprocess.Popen[str]") -> None:
    meters = (ProcessMeter(parent.pid), TreeMeter(parent.pid))
    before = [meter.read() for meter in meters]
    parent.kill()
    parent.wait()
    assert [meter.read() for meter in meters] == before
    assert ProcessMeter(parent.pid).read() is None


def test_the_machine_is_at_least_as_busy_as_we_are() -> None:
    own = ProcessMeter(os.getpid())
    start_s, mine = machine_busy_s(), own.read()
    deadline_s = time.process_time() + 0.2
    while time.process_time() < deadline_s:
        pass
    end = own.read()
    assert mine is not None
    assert end is not None
    assert machine_busy_s() - start_s >= 0.8 * (end.cpu_s - mine.cpu_s) > 0.1
