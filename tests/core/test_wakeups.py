"""Wake-ups: as many as there is work, to those it concerns, and none is lost."""

from queen.core.wakeups import Wakeups


def test_as_many_waiters_of_each_group_as_partitions_changed() -> None:
    wakeups = Wakeups()
    first = [wakeups.join("q", "g", None) for _ in range(3)]
    second = [wakeups.join("q", "h", None) for _ in range(2)]
    wakeups.wake("q", {"p1", "p2"})
    assert [waiter.woken for waiter in first] == [True, True, False]
    assert [waiter.woken for waiter in second] == [True, True]


def test_a_waiter_for_one_partition_is_woken_by_that_one_only() -> None:
    wakeups = Wakeups()
    mine, other = wakeups.join("q", "g", "mine"), wakeups.join("q", "g", "other")
    anywhere = wakeups.join("q", "g", None)
    wakeups.wake("q", {"mine"})
    assert (mine.woken, other.woken, anywhere.woken) == (True, False, True)


def test_a_wake_up_that_is_not_used_goes_to_the_next() -> None:
    wakeups = Wakeups()
    leaving, staying = wakeups.join("q", "g", None), wakeups.join("q", "g", None)
    wakeups.wake("q", {"p"})
    assert (leaving.woken, staying.woken) == (True, False)
    wakeups.leave(leaving)
    assert staying.woken


def test_a_release_wakes_its_group_only() -> None:
    wakeups = Wakeups()
    mine, other = wakeups.join("q", "g", None), wakeups.join("q", "h", None)
    wakeups.wake("q", {"p"}, group="g")
    assert (mine.woken, other.woken) == (True, False)


def test_closing_wakes_everybody_and_leaves_nothing_behind() -> None:
    wakeups = Wakeups()
    waiters = [wakeups.join(queue, "g", None) for queue in ("a", "b", "b")]
    assert wakeups.parked == 3
    wakeups.close()
    assert all(waiter.woken for waiter in waiters)
    for waiter in waiters:
        wakeups.leave(waiter)
    assert wakeups.parked == 0
