"""What the generator is told of a trial."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from loadtests.load.plan import LoadPlan
from loadtests.results import Cell
from loadtests.sweep.task import TrialTask, load_plan

CLOSED = Cell(pool=1, connection_timeout_ms=2000, clients=128)


def told(cell: Cell, *, exact_times: bool = False) -> LoadPlan:
    task = TrialTask(
        trial_id="t",
        part="capacity",
        block=0,
        attempt=0,
        order=0,
        cell=cell,
        warmup_s=0.7,
        measure_s=1.2,
        exact_times=exact_times,
        seed=7,
    )
    return load_plan(task, "http://127.0.0.1:1", Path("x"))


def test_a_closed_loop_is_told_how_the_server_refuses() -> None:
    plan = told(CLOSED)
    assert plan.refusing is not None
    assert (plan.refusing.after_s, plan.refusing.round_s) == (2.0, 3.0)  # the refusal asks for a second
    assert plan.longest_load_s == pytest.approx(0.7 + 2 * 2.0 + 3.0)


def test_an_open_loop_and_exact_times_are_as_planned() -> None:
    for plan in (told(replace(CLOSED, loop="open", rate_msg_s=100.0)), told(CLOSED, exact_times=True)):
        assert plan.refusing is None
        assert plan.longest_load_s == pytest.approx(1.9)
