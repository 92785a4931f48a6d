"""The watch: who is asked for, who is woken, and what a question that fails changes: nothing."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import pytest

from queen.core.deadline import Deadline
from queen.core.store import Place
from queen.core.wakeups import Waiter, Wakeups
from queen.core.watching import MOST_LINES, WATCH_INTERVAL_S, Watch
from queen.errors import DatabaseUnavailable, QueenError
from tests.attempts import attempts, in_time


class Finder:
    """Knows of each group in how many ms it has something to look for, and writes down what it is asked."""

    def __init__(self, due: dict[int, float] | None = None) -> None:
        self.due = due or {}
        self.asked: list[Sequence[Place]] = []
        self.failure: QueenError | None = None
        self.takes_s = 0.0
        self.meanwhile: Callable[[], None] = lambda: None

    async def find_due(
        self, places: Sequence[Place], within_ms: float, deadline: Deadline
    ) -> dict[int, float]:
        self.asked.append(places)
        self.meanwhile()
        await asyncio.sleep(self.takes_s)
        if self.failure is not None:
            raise self.failure
        due = ((index, self.due.get(place.group_id)) for index, place in enumerate(places))
        return {index: in_ms for index, in_ms in due if in_ms is not None and in_ms <= within_ms}


def lines(wakeups: Wakeups, groups: int) -> list[Waiter]:
    """The first in line of so many groups, with the ids 0, 1 and so on."""
    waiters = [wakeups.join("q", f"g{number}", None) for number in range(groups)]
    for number, waiter in enumerate(waiters):
        waiter.place = Place(number, None)
    return waiters


async def test_those_are_woken_that_have_something_to_look_for_and_when_they_have() -> None:
    wakeups = Wakeups()
    waiters = lines(wakeups, 4)
    await Watch(Finder({1: 0.0, 2: 50.0, 3: 60_000.0}), wakeups).run()
    assert [waiter.woken for waiter in waiters] == [False, True, False, False]
    async with asyncio.timeout(5):
        await waiters[2].wait(10)
    assert [waiter.woken for waiter in waiters] == [False, True, True, False]


async def test_what_falls_due_before_the_next_question_is_asked_for_even_if_that_comes_late() -> None:
    wakeups = Wakeups()
    [waiter] = lines(wakeups, 1)
    await Watch(Finder({0: 1500 * WATCH_INTERVAL_S}), wakeups).run()
    async with asyncio.timeout(5):
        await waiter.wait(10)
    assert waiter.woken


async def test_nothing_is_asked_when_nobody_waits_and_not_for_who_looks_alone() -> None:
    wakeups, finder = Wakeups(), Finder()
    wakeups.join("q", "g", None)
    await Watch(finder, wakeups).run()
    assert finder.asked == []


async def test_whose_first_in_line_leaves_during_the_question_is_looked_for_by_the_next() -> None:
    wakeups, finder = Wakeups(), Finder({0: 0.0})
    [leader] = lines(wakeups, 1)
    second = wakeups.join("q", "g0", None)
    finder.meanwhile = lambda: wakeups.leave(leader)
    await Watch(finder, wakeups).run()
    assert second.woken


async def test_very_many_lines_are_asked_for_in_several_questions() -> None:
    wakeups, groups = Wakeups(), 2 * MOST_LINES + 1
    waiters, finder = lines(wakeups, groups), Finder({groups - 1: 0.0})
    await Watch(finder, wakeups).run()
    assert [len(places) for places in finder.asked] == [MOST_LINES, MOST_LINES, 1]
    assert [number for number, waiter in enumerate(waiters) if waiter.woken] == [groups - 1]


async def test_from_question_to_question_it_is_no_longer_than_the_shortest_lease() -> None:
    """Leases last whole seconds: at least one question falls into the life of each."""
    wakeups, finder = Wakeups(), Finder()
    lines(wakeups, 1)
    watch = Watch(finder, wakeups)
    assert watch.interval_s == WATCH_INTERVAL_S <= 1.0
    finder.takes_s = 0.2
    for attempt in attempts():
        with attempt:
            began_s = time.perf_counter()
            await watch.run()
            in_time(time.perf_counter() - began_s, 0.5 * WATCH_INTERVAL_S)
            assert watch.interval_s <= 0.8, "the question's own time counts"


async def test_questions_that_take_long_leave_half_of_the_time_free() -> None:
    wakeups, finder = Wakeups(), Finder()
    lines(wakeups, 1)
    watch = Watch(finder, wakeups)
    finder.takes_s = 0.7 * WATCH_INTERVAL_S
    await watch.run()
    assert watch.interval_s >= 0.7 * WATCH_INTERVAL_S


async def test_a_question_that_fails_wakes_nobody_is_told_once_and_asked_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wakeups, finder = Wakeups(), Finder({0: 0.0})
    [waiter] = lines(wakeups, 1)
    watch = Watch(finder, wakeups)
    finder.failure = DatabaseUnavailable("database unavailable")
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            await watch.run()
            assert watch.interval_s == WATCH_INTERVAL_S
    assert [record.message for record in caplog.records] == ["watch_failed"]
    woken = [waiter.woken]
    finder.failure = None
    await watch.run()
    assert [*woken, waiter.woken] == [False, True]
    finder.failure = DatabaseUnavailable("again")
    await watch.run()
    assert [record.message for record in caplog.records] == ["watch_failed"] * 2
