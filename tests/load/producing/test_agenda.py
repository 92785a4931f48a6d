"""What is due for one producer, stage after stage."""

from collections.abc import Iterator

from loadtests.load.conducting.course import Stage
from loadtests.load.conducting.stages import RunningStage
from loadtests.load.producing.agenda import Agenda


def stage(number: int) -> Stage:
    return Stage(number=number, label=f"stage {number}", rate_msg_s=None)


def every_second(stage: Stage) -> Iterator[float]:
    return iter([0.0, 1.0, 2.0, 3.0]) if stage.number < 3 else iter(())


def test_what_was_due_before_a_new_stage_is_not_skipped_and_what_was_due_after_it_is_not_its() -> None:
    first = RunningStage(stage(1), 10.0)
    agenda = Agenda(first, 10.0, every_second)
    assert agenda.next_due() == 10.0
    first.following = RunningStage(stage(2), 11.5)
    first.following.following = RunningStage(stage(3), 13.0)
    seen = []
    while (due_s := agenda.next_due()) is not None:
        seen.append((agenda.stage.number, due_s))
        agenda.done()
    assert seen == [(1, 10.0), (1, 11.0), (2, 11.5), (2, 12.5)]
    first.following.following.following = RunningStage(stage(2), 20.0)
    assert agenda.next_due() == 20.0  # a stage that rested


def test_what_is_overdue_is_done_by_being_told() -> None:
    agenda = Agenda(RunningStage(stage(1), 10.0), 10.0, every_second)
    assert agenda.next_due() == 10.0
    agenda.done()
    assert list(agenda.overdue(12.5)) == [11.0, 12.0]
    assert agenda.next_due() == 13.0
