"""Wake-ups: as many as there is work, to those it concerns, and none is lost."""

import asyncio
from dataclasses import dataclass, field

import pytest

from queen.core.notices import Change
from queen.core.pop import FALLBACK_POLL_S
from queen.core.store import Place
from queen.core.wakeups import Wakeups


@dataclass
class Notebook:
    """An announcer that writes down what it is given."""

    announced: list[Change] = field(default_factory=list)
    expected: int = 0
    listening: bool = True

    def announce(self, change: Change) -> None:
        self.announced.append(change)

    def expect(self) -> None:
        self.expected += 1


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


def test_a_wake_up_is_used_by_a_look_and_not_by_one_that_fails() -> None:
    wakeups = Wakeups()
    leader, second, third = (wakeups.join("q", "g", None) for _ in range(3))
    wakeups.wake("q", {"p1", "p2"})
    with leader.looking():
        pass
    with pytest.raises(TimeoutError), second.looking():
        raise TimeoutError
    assert (leader.woken, second.woken, third.woken) == (False, True, False)
    wakeups.leave(second)
    assert leader.woken, "the first in line who has none gets it"


def test_a_look_that_fails_makes_up_no_wake_up() -> None:
    wakeups = Wakeups()
    _leader, failing, last = (wakeups.join("q", "g", None) for _ in range(3))
    with pytest.raises(TimeoutError), failing.looking():
        raise TimeoutError
    wakeups.leave(failing)
    assert not last.woken


def test_a_wake_up_during_a_look_counts_for_the_next_look() -> None:
    wakeups = Wakeups()
    waiter = wakeups.join("q", "g", None)
    with waiter.looking():
        wakeups.wake("q", {"p"})
    assert waiter.woken


def test_only_the_first_of_each_line_leads_and_its_lead_is_handed_on_with_a_look() -> None:
    wakeups = Wakeups()
    lines = [("q", "g", None), ("q", "g", "p"), ("q", "h", None), ("r", "g", None)]
    first = [wakeups.join(*line) for line in lines]
    second = [wakeups.join(*line) for line in lines]
    assert all(wakeups.leads(waiter) for waiter in first)
    assert not any(wakeups.leads(waiter) for waiter in second)
    for waiter in first:
        wakeups.leave(waiter)
    assert all(wakeups.leads(waiter) and waiter.woken for waiter in second)


def test_a_release_wakes_its_group_only() -> None:
    wakeups = Wakeups()
    mine, other = wakeups.join("q", "g", None), wakeups.join("q", "h", None)
    wakeups.wake("q", {"p"}, group="g")
    assert (mine.woken, other.woken) == (True, False)


def test_what_changes_here_is_announced_also_when_nobody_waits_here() -> None:
    notebook = Notebook()
    wakeups = Wakeups(notebook)
    wakeups.wake("q", {"p1", "p2"})
    wakeups.wake("q", {"p1"}, group="g")
    assert notebook.announced == [
        Change("q", None, frozenset({"p1", "p2"})),
        Change("q", "g", frozenset({"p1"})),
    ]


def test_what_is_heard_wakes_waiters_here_and_is_not_announced_again() -> None:
    notebook = Notebook()
    wakeups = Wakeups(notebook)
    waiters = [wakeups.join("q", "g", None) for _ in range(2)]
    wakeups.hear(Change("q", "g", frozenset({"p"})))
    assert [waiter.woken for waiter in waiters] == [True, False]
    assert notebook.announced == []


def test_the_others_are_asked_when_the_first_begins_to_wait() -> None:
    notebook = Notebook()
    wakeups = Wakeups(notebook)
    waiting = [wakeups.waiting]
    waiters = [wakeups.join(queue, "g", None) for queue in "qqr"]
    waiting.append(wakeups.waiting)
    assert notebook.expected == 1
    for waiter in waiters:
        wakeups.leave(waiter)
    waiting.append(wakeups.waiting)
    wakeups.join("q", "g", None)
    assert notebook.expected == 2
    assert waiting == [False, True, False]


def test_a_change_without_names_wakes_everybody_of_the_queue() -> None:
    wakeups = Wakeups()
    concerned = [wakeups.join("q", group, partition) for group in "gh" for partition in (None, None, "p")]
    other = wakeups.join("r", "g", None)
    wakeups.hear(Change("q"))
    assert all(waiter.woken for waiter in concerned)
    assert not other.woken


def test_anything_makes_the_first_of_each_line_look_and_its_successor_when_it_leaves() -> None:
    wakeups = Wakeups()
    line = [wakeups.join("q", "g", None) for _ in range(3)]
    other = wakeups.join("r", "g", "p")
    wakeups.hear_anything()
    assert [waiter.woken for waiter in (*line, other)] == [True, False, False, True]
    with line[0].looking():
        pass
    wakeups.leave(line[0])
    assert (line[1].woken, line[2].woken) == (True, False)


def test_closing_wakes_everybody_and_leaves_nothing_behind() -> None:
    wakeups = Wakeups()
    waiters = [wakeups.join(queue, "g", None) for queue in ("a", "b", "b")]
    assert wakeups.parked == 3
    wakeups.close()
    assert all(waiter.woken for waiter in waiters)
    for waiter in waiters:
        wakeups.leave(waiter)
    assert wakeups.parked == 0


def test_the_first_of_each_line_that_has_a_place_is_watched() -> None:
    wakeups = Wakeups()
    leader, second = (wakeups.join("q", "g", None) for _ in range(2))
    wakeups.join("q", "h", None)
    leader.place = second.place = Place(7, None)
    assert wakeups.watched() == [(leader, Place(7, None))]
    wakeups.leave(leader)
    assert wakeups.watched() == [(second, Place(7, None))]


async def test_an_alarm_wakes_when_its_time_has_come() -> None:
    waiter = Wakeups().join("q", "g", None)
    woken = []
    for seconds in (0, 0.05):
        waiter.wake_in(seconds)
        woken.append(waiter.woken)
        async with asyncio.timeout(5):
            await waiter.wait(10)
        with waiter.looking():
            pass
    assert woken == [True, False]


async def test_an_alarm_is_taken_back_by_a_new_one_by_a_look_and_by_leaving() -> None:
    wakeups = Wakeups()
    again, looks, leaves = (wakeups.join("q", "g", None) for _ in range(3))
    for waiter in (again, looks, leaves):
        waiter.wake_in(0.01)
    again.wake_in(10)
    with looks.looking():
        pass
    wakeups.leave(leaves)
    await asyncio.sleep(0.05)
    assert [waiter.woken for waiter in (again, looks, leaves)] == [False, False, False]
    again.forget_alarm()


def test_the_fallback_is_no_longer_than_the_shortest_lease() -> None:
    """Leases last whole seconds: the first in line looks at least once while one lives."""
    assert FALLBACK_POLL_S <= 1.0


async def test_a_line_is_settled_while_its_first_is_parked_and_not_woken() -> None:
    wakeups = Wakeups()
    assert not wakeups.settled("q", "g", None)
    leader = wakeups.join("q", "g", None)
    assert not wakeups.settled("q", "g", None), "it has not looked yet"
    parked = asyncio.create_task(leader.wait(10))
    await asyncio.sleep(0)
    assert wakeups.settled("q", "g", None)
    assert not wakeups.settled("q", "g", "p")
    assert not wakeups.settled("q", "h", None)
    assert not wakeups.settled("other", "g", None)
    wakeups.wake("q", {"p"})
    assert not wakeups.settled("q", "g", None)
    await parked
    with leader.looking():
        assert not wakeups.settled("q", "g", None)
    wakeups.leave(leader)
    assert not wakeups.settled("q", "g", None)


async def test_a_line_is_not_settled_by_one_that_is_unsure_or_while_notices_do_not_arrive() -> None:
    notebook = Notebook()
    wakeups = Wakeups(notebook)
    leader = wakeups.join("q", "g", None)
    for unsure, listening in ((True, True), (False, False), (False, True)):
        notebook.listening = listening
        parked = asyncio.create_task(leader.wait(10, unsure=unsure))
        await asyncio.sleep(0)
        assert wakeups.settled("q", "g", None) is (listening and not unsure)
        leader.wake()
        await parked
        with leader.looking():
            pass


def test_what_was_heard_since_is_known_for_each_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queen.core.wakeups._MOST_QUEUES", 2)
    wakeups = Wakeups()
    moment = wakeups.now
    wakeups.hear(Change("q"))
    assert wakeups.changed_since("q", moment)
    assert not wakeups.changed_since("q", wakeups.now)
    assert not wakeups.changed_since("other", moment)
    moment = wakeups.now
    wakeups.hear(Change("r"))
    wakeups.hear(Change("s"))  # one too many: who knows which
    assert wakeups.changed_since("q", moment)
    for everything in (wakeups.hear_anything, wakeups.close):
        moment = wakeups.now
        everything()
        assert wakeups.changed_since("q", moment)
        assert wakeups.changed_since("q", wakeups.now) is wakeups.closed
