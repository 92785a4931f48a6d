"""Anything that one client can do, in any order, against the model of the queue.

QUEEN_MODEL_EXAMPLES=500 makes a long run with new examples each time; without it the examples are always
the same, so that a run in CI fails for the change that it tests. A failure prints the steps that lead to it:
as few as possible where somebody waits for them, that is not in CI.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from .example import World
from .machine import QueueMachine

EXAMPLES = os.environ.get("QUEEN_MODEL_EXAMPLES")
STEPS = 60  # of an example, at most
FEW = 12
AT_ONCE = [phase for phase in Phase if phase not in (Phase.shrink, Phase.explain)]


@pytest.mark.timeout(
    600 if EXAMPLES is None else 0
)  # passing takes seconds; shrinking a failure takes minutes
def test_the_server_does_what_the_model_says(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    class Machine(QueueMachine):
        def __init__(self) -> None:
            super().__init__(world)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(EXAMPLES or FEW),
            stateful_step_count=STEPS,
            derandomize=EXAMPLES is None,
            phases=AT_ONCE if os.environ.get("CI") == "true" else list(Phase),
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with capsys.disabled():
        print(f"\n{world.examples} examples, {world.steps} steps")
    assert world.steps > 20 * int(EXAMPLES or FEW)
