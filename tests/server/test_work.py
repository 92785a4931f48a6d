"""How much a worker does: of its thread's processor time, or of its share of the pool, whichever is more."""

import pytest

from queen.server.work import LOOK_S, QUITE, Work
from tests.clock import Clock


def worked(demand: float, used: float) -> float:
    """What is seen after a second with so much of each."""
    clock = Clock(10.0)
    sums = [5.0, 7.0]
    work = Work(lambda: sums[0], lambda: sums[1], clock)
    clock.now_s += 1.0
    sums[0] += demand
    sums[1] += used
    assert work.look() == 1.0
    return work.now


@pytest.mark.parametrize(
    ("demand", "used", "seen"),
    [
        (0.0, 0.3, 0.3),
        (0.5, 0.0, 0.5 * QUITE),
        (1.0, 0.0, QUITE),  # all are borrowed, and nobody waits
        (1.01, 0.0, 1.01),
        (3.0, 0.9, 3.0),
        (0.5, 0.9, 0.9),
    ],
)
def test_the_scarcer_counts(demand: float, used: float, seen: float) -> None:
    assert worked(demand, used) == pytest.approx(seen)


def test_it_lasts_when_it_was_so_in_two_looks() -> None:
    clock = Clock()
    used = [0.0]
    work = Work(lambda: 0.0, lambda: used[0], clock)
    lasting = []
    for more in (1.0, 0.5, 1.0, 1.0):
        clock.now_s += 1.0
        used[0] += more
        work.look()
        lasting.append(work.lasting)
    assert lasting == [0.0, 0.5, 0.5, 1.0]


def test_too_soon_is_no_look() -> None:
    clock = Clock()
    used = [0.0]
    work = Work(lambda: 0.0, lambda: used[0], clock)
    clock.now_s, used[0] = LOOK_S - 0.01, 0.2
    assert (work.look(), work.now) == (None, 0.0)
    clock.now_s = LOOK_S
    assert (work.look(), work.now) == (LOOK_S, 0.2 / LOOK_S)
