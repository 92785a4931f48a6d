"""Where a sweep stands: what is next, at which rate, and what is to be said at the end."""

from collections.abc import Iterable

import msgspec
import pytest

from loadtests.results import Trial
from loadtests.sweep import experiment_file, experiment_rules
from loadtests.sweep.rate import RateError
from loadtests.sweep.schedule import Slot
from loadtests.sweep.state import OVERHEAD_S, SweepState
from tests.sweep.made import made_accounting, made_load, made_trial

EXPERIMENT = experiment_file.loads(
    """
title = "t"
budget_s = 100
[[part]]
name = "capacity"
clients = 128
strategy = "sequential"
warmup_s = 0.5
measure_s = 1.0
blocks = 4
[[part.cells]]
pool = [1, 20]
[[part]]
name = "timeouts"
loop = "open"
shape = "reasonable"
rate_msg_s = "0.5 * capacity(sequential, pool=20, rtt=0)"
connection_timeout_ms = 1000
strategy = "sequential"
warmup_s = 1.5
measure_s = 2.0
blocks = 1
[[part.cells]]
pool = [1, 20]
""",
    source="e.toml",
)
CAPACITY_MSG_S = {1: 2_000, 20: 10_000}


def run_until(state: SweepState, part: str | None) -> list[Trial]:
    """Run the sweep on paper until a part comes (None: to its end)."""
    made: list[Trial] = []
    while (slot := state.next_slot(None)) is not None and slot.part != part:
        made.append(run_one(state, slot))
    return made


def run_one(state: SweepState, slot: Slot, *, fatal: bool = False) -> Trial:
    task = state.task(slot, followed=True)
    load = made_load(acknowledged=CAPACITY_MSG_S[task.cell.pool or 0])
    trial = made_trial(
        cell=task.cell, part=task.part, block=task.block, order=task.order, load=load, fatal=fatal
    )
    state.finished(slot, trial, took_s=task.warmup_s + task.measure_s + 0.75)
    return trial


def resumed(trials: Iterable[Trial]) -> SweepState:
    return SweepState(EXPERIMENT, trials)


def test_the_rate_of_a_part_is_what_the_part_before_it_found() -> None:
    state = SweepState(EXPERIMENT)
    assert len(run_until(state, "timeouts")) == 8
    cells = [trial.cell for trial in run_until(state, None)]
    assert {(cell.pool, cell.rate_msg_s, cell.clients) for cell in cells} == {(1, 5_000, 50), (20, 5_000, 50)}
    assert len({trial.order for trial in state.trials}) == 10


def test_a_part_keeps_its_rate_when_it_is_resumed() -> None:
    state = SweepState(EXPERIMENT)
    trials = run_until(state, "timeouts")
    slot = state.next_slot(None)
    assert slot is not None
    trials.append(run_one(state, slot))
    trials.append(made_trial(cell=trials[0].cell, block=9, order=50, load=made_load(acknowledged=1)))
    again = resumed(trials)
    (last,) = run_until(again, None)
    assert last.cell.rate_msg_s == trials[-2].cell.rate_msg_s
    assert last.order == 51


def test_without_a_valid_capacity_there_is_no_rate_and_the_part_can_be_given_up() -> None:
    state = SweepState(EXPERIMENT)
    while (slot := state.next_slot(None)) is not None and slot.part == "capacity":
        run_one(state, slot, fatal=True)
    assert slot is not None
    with pytest.raises(RateError, match="no valid trial"):
        state.task(slot, followed=False)
    state.give_up("timeouts")
    assert state.next_slot(None) is None


def test_a_rate_that_no_generator_can_offer_is_refused_once_it_is_known() -> None:
    text = experiment_file.dumps(EXPERIMENT).replace("0.5 * capacity", "1000 * capacity")
    one_each = text.replace('shape = "reasonable"', "clients = 128\nbatch = 1")
    state = SweepState(experiment_file.loads(one_each, source="e.toml"))
    run_until(state, "timeouts")
    slot = state.next_slot(None)
    assert slot is not None
    with pytest.raises(RateError, match=r"^1000 \* .*, 10,000,000 msg/s: more than 1,000,000 pushes/s$"):
        state.task(slot, followed=False)


@pytest.mark.parametrize("most", [65, 66])
def test_clients_of_a_rate_that_their_server_would_not_let_in_are_refused_once_they_are_known(
    most: int,
) -> None:
    """50 of them, of 5,000 msg/s, and 16 connections beside them."""
    text = experiment_file.dumps(EXPERIMENT).replace("clients = 128", "clients = 32")
    state = SweepState(experiment_file.loads(f"{text}[settings]\nMAX_CLIENTS = {most}", source="e.toml"))
    run_until(state, "timeouts")
    slot = state.next_slot(None)
    assert slot is not None
    if most == 66:
        assert state.task(slot, followed=False).cell.clients == 50
        return
    with pytest.raises(RateError, match=r"5,000 msg/s: settings.MAX_CLIENTS: 65 is too low for the 50 cl"):
        state.task(slot, followed=False)


def test_clients_of_a_rate_for_whom_the_limit_is_raised_are_told_once_they_are_known() -> None:
    text = experiment_file.dumps(EXPERIMENT).replace("0.5 * capacity", "40.9 * capacity")
    state = SweepState(experiment_file.loads(text, source="e.toml"))
    assert experiment_rules.warnings(state.experiment) == ()
    run_until(state, "timeouts")
    slot = state.next_slot(None)
    assert slot is not None
    task = state.task(slot, followed=False)
    (warning,) = experiment_rules.connection_warnings(state.experiment, task.part, task.cell)
    assert warning.startswith("part timeouts: 4,090 clients, with 16 connections beside them, are more than")


def test_a_failed_trial_is_tried_again() -> None:
    state = SweepState(EXPERIMENT)
    slot = state.next_slot(None)
    assert slot is not None
    state.task(slot, followed=True)
    state.failed(slot)
    repeats = [slot for slot in iter_slots(state) if slot.attempt]
    assert repeats == [msgspec.structs.replace(slot, attempt=1)]


def iter_slots(state: SweepState) -> Iterable[Slot]:
    while (slot := state.next_slot(None)) is not None:
        yield slot
        run_one(state, slot)


def test_estimates_follow_what_trials_really_take() -> None:
    state = SweepState(EXPERIMENT)
    assert state.seconds_left(None) == pytest.approx(8 * (1.5 + OVERHEAD_S) + 2 * (3.5 + OVERHEAD_S))
    slot = state.next_slot(None)
    assert slot is not None
    run_one(state, slot)
    assert state.seconds_left(None) == pytest.approx(7 * (1.5 + 0.75) + 2 * (3.5 + 0.75))
    assert state.trials_left(None) == 9


def test_dropped_blocks_and_short_warm_ups_are_said() -> None:
    state = SweepState(EXPERIMENT)
    assert list(state.dropped(1.0)) == ["part capacity: 3 of 4 blocks, the budget of time allows no more"]
    run_until(state, None)
    assert list(state.dropped(None)) == []
    (note,) = state.short_warmups("timeouts")  # 1 / (1 - 2000/5000) = 1.67 s; pool 20 is not overloaded
    assert "p1: the first time-out comes after 1.7 s" in note
    assert state.blocks_done() == 4


def test_a_sweep_that_ends_before_a_rate_is_known_has_nothing_to_say_of_its_warm_up() -> None:
    assert list(SweepState(EXPERIMENT).short_warmups("timeouts")) == []


@pytest.mark.parametrize("fault", ["lost", "duplicated", "unexplained", "out_of_order"])
def test_messages_that_are_not_accounted_for_are_never_overlooked(fault: str) -> None:
    cell = SweepState(EXPERIMENT).parts[0].cells[0].cell
    sound = made_trial(cell=cell, accounting=made_accounting())
    faulty = made_trial(cell=cell, order=1, accounting=made_accounting(**{fault: 1}))
    assert not resumed([sound, made_trial(cell=cell, order=2)]).accounting_fails()
    assert resumed([sound, faulty]).accounting_fails()
