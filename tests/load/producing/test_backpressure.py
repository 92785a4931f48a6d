import pytest

from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.outcome import Fate, PushOutcome, no_answer
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.plan import LoadPlan
from loadtests.load.producing.backpressure import LEAST_HOLD_S, MAX_HOLD_S, HoldBack


class Scene:
    """One producer's holds on a clock of the test; `over` are the holds that ended, in seconds."""

    def __init__(self) -> None:
        plan = LoadPlan(host="http://x", trial_directory="x", run_tag="t", loop="open", interval_ms=1.0)
        self.recorder = Recorder(plan, clock=lambda: 100.0)
        self.over: list[float] = []
        self.hold = HoldBack(self.recorder, self.over.append)

    def answered(self, at_s: float, retry_after_s: float | None, status: int = 429) -> float | None:
        outcome = PushOutcome((Fate.REFUSED,), status, "busy")
        return self.hold.obey(Attempt(outcome, at_s, at_s, at_s, 0, retry_after_s))


@pytest.mark.parametrize("status", [429, 503])
def test_nothing_is_sent_before_retry_after_is_over(status: int) -> None:
    scene = Scene()
    assert scene.answered(101.0, 2.0, status=status) == 103.0
    assert scene.hold.holds(102.999)
    assert not scene.hold.holds(103.0)
    assert scene.over == [2.0]
    part = scene.recorder.part()
    assert part.counts.pauses == 1
    assert part.held.total_us == 2_000_000


def test_only_a_busy_server_that_says_how_long_is_obeyed() -> None:
    scene = Scene()
    assert scene.answered(101.0, None) is None
    assert scene.answered(101.0, 2.0, status=500) is None
    assert scene.hold.obey(Attempt(no_answer("reset"), 101.0, 101.0, 101.0)) is None
    assert not scene.hold.holds(101.0)
    assert scene.over == []


def test_a_hold_is_neither_nothing_nor_for_ever() -> None:
    scene = Scene()
    assert scene.answered(101.0, 0.0) == 101.0 + LEAST_HOLD_S
    assert scene.answered(110.0, 3600.0) == 110.0 + MAX_HOLD_S


def test_answers_within_a_hold_prolong_it_and_shorten_it_never() -> None:
    scene = Scene()
    scene.answered(101.0, 3.0)
    assert scene.answered(102.0, 1.0) == 104.0
    assert scene.answered(103.0, 2.0) == 105.0
    assert not scene.hold.holds(106.0)
    assert scene.over == [4.0]
    assert scene.recorder.part().counts.pauses == 3


def test_a_second_hold_is_counted_apart() -> None:
    scene = Scene()
    scene.answered(101.0, 1.0)
    scene.answered(110.0, 2.0)
    scene.hold.end(120.0)
    scene.hold.end(121.0)
    assert scene.over == [1.0, 2.0]


def test_what_was_due_before_a_hold_began_is_none_of_its_and_does_not_end_it() -> None:
    scene = Scene()
    scene.answered(101.0, 2.0)
    assert [scene.hold.holds(due) for due in (100.9, 101.0, 102.0)] == [False, True, True]
    assert scene.over == []


def test_a_late_loop_still_finds_the_holds_that_are_over() -> None:
    scene = Scene()
    for at_s in (101.0, 110.0):
        scene.answered(at_s, 1.0)
    assert [scene.hold.holds(due) for due in (100.0, 101.5, 105.0, 110.5, 111.0)] == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert scene.over == [1.0, 1.0]


def test_the_end_of_a_run_ends_a_hold() -> None:
    scene = Scene()
    scene.answered(101.0, 5.0)
    scene.hold.end(103.0)
    assert scene.over == [2.0]
    assert not scene.hold.holds(103.0)
