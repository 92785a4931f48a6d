"""The look for what a test session has left behind finds it."""

import subprocess
import sys

import pytest

from tests import started
from tests.house.conftest import ROOT
from tests.local.support import is_gone, wait_for

WAITS = "import signal; signal.pause()"
# Starts another of these, says which, and ends.
LEAVES_ONE = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.DEVNULL).pid)
"""

SESSION = """
import subprocess, sys
from tests import started
from tests.house.conftest import ROOT
marked = started.mark()
process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={})
print(len(started.left(marked, grace_s=0)))
process.stdin.close()
print(len(started.left(marked)))
"""


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(started.MARK, "one test")
    return "one test"


def test_a_process_whose_parent_has_ended_is_found_with_its_test_and_killed(marked: str) -> None:
    left = int(subprocess.check_output([sys.executable, "-c", LEAVES_ONE, WAITS]))
    [found] = [each for each in started.left(marked, grace_s=0) if each.process.pid == left]
    assert WAITS in str(found)
    assert "test_a_process_whose_parent_has_ended" in str(found)
    found.kill()
    assert wait_for(lambda: is_gone(left))


def test_a_descendant_without_the_mark_is_found_unless_it_ends_within_the_grace_time() -> None:
    said = subprocess.check_output([sys.executable, "-c", SESSION], cwd=ROOT, text=True)
    assert said.split() == ["1", "0"]
