"""The pauses before a worker is started again."""

from queen.server.restarts import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S, Restarts


def test_the_first_restart_is_at_once_and_each_further_one_later_up_to_a_bound() -> None:
    restarts = Restarts()
    pauses_s = [restarts.pause_s(lived_s=0.1) for _ in range(8)]
    assert pauses_s[:4] == [0, FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses_s[-1] == LONGEST_PAUSE_S == max(pauses_s)


def test_a_worker_that_lived_long_is_replaced_at_once() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.pause_s(lived_s=0.1)
    assert restarts.pause_s(lived_s=STEADY_S) == 0
    assert restarts.pause_s(lived_s=0.1) == FIRST_PAUSE_S
