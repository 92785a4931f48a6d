"""Which time limit counts when, with a clock that the test sets."""

import math

import pytest

from queen.http.limits import Limits
from queen.http.parser import Phase
from queen.http.patience import LINGER_S, Patience
from tests.clock import Clock

LIMITS = Limits(keep_alive_timeout_s=75, header_timeout_s=10, body_timeout_s=30)


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def patience(clock: Clock) -> Patience:
    return Patience(LIMITS, clock)


def test_a_new_connection_is_idle(patience: Patience) -> None:
    assert patience.deadline_s == 1075


def test_a_head_has_one_deadline_from_its_first_byte(patience: Patience, clock: Clock) -> None:
    for now_s in (1001.0, 1005.0, 1010.0):
        clock.now_s = now_s
        patience.await_bytes(Phase.HEAD)
    assert patience.deadline_s == 1011


def test_a_body_has_a_new_deadline_with_every_byte(patience: Patience, clock: Clock) -> None:
    for now_s in (1001.0, 1029.0):
        clock.now_s = now_s
        patience.await_bytes(Phase.BODY)
    assert patience.deadline_s == 1059


def test_every_head_has_its_own_deadline(patience: Patience, clock: Clock) -> None:
    patience.await_bytes(Phase.HEAD)
    patience.await_handler()
    assert patience.deadline_s == math.inf
    clock.now_s = 2000
    patience.await_bytes(Phase.HEAD)
    assert patience.deadline_s == 2010


@pytest.mark.parametrize(("unsent_bytes", "patience_s"), [(1, 30.0), (0, LINGER_S)])
def test_an_answer_that_is_not_taken_has_longer_than_a_goodbye(
    patience: Patience, unsent_bytes: int, patience_s: float
) -> None:
    patience.await_taking(unsent_bytes)
    assert patience.deadline_s == 1000 + patience_s


def test_hurry_never_prolongs(patience: Patience, clock: Clock) -> None:
    patience.hurry()
    assert patience.deadline_s == 1000 + LINGER_S
    clock.now_s += 1
    patience.hurry()
    assert patience.deadline_s == 1000 + LINGER_S
