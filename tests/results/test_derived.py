"""What everybody who reads a result works out of it, worked out once."""

import pytest
from msgspec.structs import replace

from loadtests.results import Cell, StageResult, WorkerShare, busiest, lost_workers, stage_name
from tests.sweep.made import made_load, made_trial


def share(worker: int, cpu_s: float = 1.0, **changes: object) -> WorkerShare:
    sound = WorkerShare(
        worker=worker, host="h", cpu_s=cpu_s, measured_s=10.0, producers=1, heard_at="2026-01-01"
    )
    return replace(sound, **changes)


def test_the_busiest_process_is_so_by_its_own_window() -> None:
    shares = (share(0, 5.0), share(1, 3.0, measured_s=4.0), share(2, 0.5, measured_s=0.0))
    found = busiest(shares)
    assert found is not None
    assert (found.worker, found.cores) == (1, 0.75)
    assert busiest(shares[2:]) is None
    assert shares[2].cores == 0.0


def test_a_worker_that_was_lost_in_two_windows_is_lost_once() -> None:
    gone = (share(3, complete=False), share(1, complete=False), share(3, complete=False, window=2))
    assert lost_workers((*gone, share(2))) == [1, 3]


@pytest.mark.parametrize(
    ("label", "rate_msg_s", "name"),
    [
        ("4,000 msg/s", 4_000.0, "3"),
        ("peak", 4_000.0, "3 peak"),
        ("4,000 msg/s", 400.0, "3 4,000 msg/s"),
        ("as planned", None, "3 as planned"),
        ("", None, "3"),
    ],
)
def test_a_label_names_a_stage_where_it_is_not_the_rate(
    label: str, rate_msg_s: float | None, name: str
) -> None:
    assert stage_name(3, label, rate_msg_s) == name


def test_stages_count_whose_window_is_in_the_figures() -> None:
    load = made_load()
    stages = tuple(StageResult(number=n, label="", rate_msg_s=1.0, load=load) for n in (1, 2, 3))
    searched = replace(load, workers=(share(0, window=2),))
    trial = replace(made_trial(cell=Cell(), load=searched), stages=stages)
    assert trial.counted_stages == stages[1:2]
    assert replace(trial, stages=()).counted_stages == ()


def test_what_was_due_is_all_of_it_and_what_failed_was_not_acknowledged() -> None:
    load = replace(
        made_load(sent=100, missed=3),
        requests_unknown=1,
        requests_not_done=2,
        requests_held=4,
        requests_pending=5,
    )
    assert (load.requests_due, load.requests_failed) == (112, 10)


def test_remarks_take_the_place_of_those_with_their_reasons_and_of_no_others() -> None:
    trial = made_trial(cell=Cell(), fatal=True)
    (busy,) = trial.remarks
    lost = replace(busy, reason="accounting", detail="messages: 1 lost")
    once = trial.with_remarks((lost,), instead_of=("accounting",))
    assert once.remarks == (busy, lost)
    assert once.remarked("accounting") == ("messages: 1 lost",)
    assert once.with_remarks((), instead_of=("busy_machine", "accounting")).remarks == ()
    assert str(lost) == "accounting: messages: 1 lost"
