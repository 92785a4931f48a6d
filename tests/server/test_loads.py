"""The table of loads: what one worker writes all see, for as long as it is fresh."""

import math
from pathlib import Path

from queen.server.loads import FRESH_S, Loads
from queen.server.membership import Membership
from tests.clock import Clock


def of(worker_id: int, directory: Path, clock: Clock) -> Loads:
    return Loads(Membership(worker_id, 3, directory), clock)


def test_what_one_tells_all_see(tmp_path: Path) -> None:
    clock = Clock(1_000.0)
    first, second = of(0, tmp_path, clock), of(1, tmp_path, clock)
    first.tell(0.25)
    second.tell(0.5)
    assert [loads.of(number) for loads in (first, second) for number in (0, 1)] == [0.25, 0.5] * 2


def test_one_that_has_not_told_or_not_for_long_or_has_left_is_not_there(tmp_path: Path) -> None:
    clock = Clock(1_000.0)
    first, second = of(0, tmp_path, clock), of(1, tmp_path, clock)
    assert second.of(0) == second.of(1) == second.of(2) == math.inf
    first.tell(0.0)
    clock.now_s += FRESH_S - 0.001
    assert second.of(0) == 0.0
    clock.now_s += 0.001
    assert second.of(0) == math.inf
    first.tell(0.0)
    first.leave()
    assert second.of(0) == math.inf


def test_one_that_begins_again_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    clock = Clock(1_000.0)
    first, second = of(0, tmp_path, clock), of(1, tmp_path, clock)
    first.tell(0.25)
    second.tell(0.5)
    again = of(0, tmp_path, clock)
    assert (again.of(0), again.of(1)) == (math.inf, 0.5)
