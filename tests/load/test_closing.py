"""The process of a run waits for its end, and for no more than it must."""

import gevent
import pytest

from loadtests.load import interrupts
from loadtests.load.closing import Closing

DEADLINE_S = 5.0


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Has an entry when the process would have ended."""
    ends: list[str] = []
    monkeypatch.setattr(interrupts, "leave", lambda: ends.append("left"))
    return ends


def test_whoever_waits_waits_until_the_run_is_over() -> None:
    closing = Closing()
    closing.begin()
    waiting = gevent.spawn(closing.wait)
    closing.recorded()
    gevent.sleep(0.01)
    assert not waiting.ready()
    closing.begin()  # Locust says more than once that a test is stopping
    closing.over()
    waiting.join(DEADLINE_S)
    assert waiting.ready()


def test_where_no_run_comes_to_its_end_nobody_waits_and_nothing_is_hastened(left: list[str]) -> None:
    closing = Closing()
    with gevent.Timeout(DEADLINE_S):
        closing.wait()
        closing.hasten()
    assert left == []


def test_a_hastened_end_comes_when_the_files_are_whole(left: list[str]) -> None:
    closing = Closing()
    closing.begin()
    hastening = gevent.spawn(closing.hasten)
    gevent.sleep(0.01)
    assert left == []
    closing.recorded()
    hastening.join(DEADLINE_S)
    assert left == ["left"]


def test_an_end_that_has_come_meanwhile_is_left_to_itself(left: list[str]) -> None:
    closing = Closing()
    closing.begin()
    hastening = gevent.spawn(closing.hasten)
    gevent.sleep(0.01)
    closing.over()
    hastening.join(DEADLINE_S)
    assert left == []
