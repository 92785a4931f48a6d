"""Sharing calls, seen from a push: who rides with whom, what each is told, that no flight is ever lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queen.core.coalesce import Boarding, Coalescer, Existing
from queen.core.deadline import Deadline
from queen.core.sharing import LATE_S
from queen.core.store import NewMessage, PartitionName, UnknownPartition
from queen.errors import (
    BadRequest,
    DatabaseUnavailable,
    DataRefused,
    OutcomeUnknown,
    PoolTimeout,
    ShuttingDown,
    StatementFailed,
)
from queen.observe.boarding import BoardingGauges
from tests.attempts import attempts, in_time
from tests.messages import new_id
from tests.waiting import until

LONG_MS = 10_000.0


class Database:
    """Stands in for `push_batch`: keeps ids by transaction id, waits to be let go, refuses as it is told."""

    def __init__(self) -> None:
        self.flushes: list[list[str]] = []
        self.stored: dict[str, str] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.refuses: dict[str, Exception] = {}
        self.connections = asyncio.Semaphore(100)
        self.figures = BoardingGauges()
        self.asking = 0  # for a connection
        self.most_asking = 0
        self.asked = 0
        self.away: Exception | None = None
        self.under_way = 0
        self.most_under_way = 0

    @asynccontextmanager
    async def hold(self, deadline: Deadline) -> AsyncIterator["Database"]:
        if self.away is not None:
            raise self.away
        self.asking += 1
        self.asked += 1
        self.most_asking = max(self.most_asking, self.asking)
        try:
            async with asyncio.timeout(deadline.remaining_s()):
                await self.connections.acquire()
        except TimeoutError:
            raise PoolTimeout from None
        finally:
            self.asking -= 1
        try:
            yield self
        finally:
            self.connections.release()

    async def push_batch(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> Existing:
        assert len(messages) == len(partitions)
        self.flushes.append([message.transaction_id for message in messages])
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        for message in messages:
            if message.transaction_id in self.refuses:
                raise self.refuses[message.transaction_id]
        existing = {}
        for index, message in enumerate(messages):
            owner = self.stored.setdefault(message.transaction_id, message.id)
            if owner != message.id:
                existing[index] = owner
        return existing


def coalescer(
    database: Database, flights: int = 1, messages: int = 100, boarding_ms: float = LONG_MS
) -> Coalescer:
    return Coalescer(
        database.hold, flights=flights, messages=messages, boarding_ms=boarding_ms, figures=database.figures
    )


def push(sut: Coalescer, *names: str) -> "asyncio.Task[Existing]":
    messages = [NewMessage(new_id(), PartitionName("q", "p"), name, None, b"1") for name in names]
    return asyncio.create_task(sut.insert(messages, [1] * len(messages), Deadline.after_ms(LONG_MS)))


async def airborne(database: Database, sut: Coalescer, *names: str) -> "asyncio.Task[Existing]":
    """A push that is in flight, until the database is opened again."""
    database.open.clear()
    task = push(sut, *names)
    await until(lambda: database.flushes[-1:] == [[*names]])
    return task


async def parked(sut: Coalescer, riders: int) -> None:
    await until(lambda: sut.waiting == riders)


async def test_a_lone_push_departs_at_once() -> None:
    database = Database()
    assert await push(coalescer(database), "a") == {}
    assert database.flushes == [["a"]]


async def test_what_comes_in_the_same_round_of_the_event_loop_departs_together() -> None:
    database = Database()
    sut = coalescer(database)
    await asyncio.gather(*(push(sut, name) for name in "abc"))
    assert database.flushes == [["a", "b", "c"]]


async def test_who_comes_meanwhile_rides_in_the_next_one_in_order() -> None:
    database = Database()
    sut = coalescer(database)
    tasks = [await airborne(database, sut, "a"), *(push(sut, name) for name in "bcd")]
    await parked(sut, 3)
    database.open.set()
    assert await asyncio.gather(*tasks) == [{}] * 4
    assert database.flushes == [["a"], ["b", "c", "d"]]


async def test_a_flush_is_bounded_but_one_push_always_goes() -> None:
    database = Database()
    sut = coalescer(database, messages=3)
    tasks = [
        await airborne(database, sut, "a"),
        push(sut, "b", "c"),
        push(sut, "d", "e"),
        push(sut, *"fghij"),
    ]
    await parked(sut, 3)
    database.open.set()
    await asyncio.gather(*tasks)
    assert database.flushes == [["a"], ["b", "c"], ["d", "e"], ["f", "g", "h", "i", "j"]]


async def test_at_most_so_many_flights_are_under_way() -> None:
    database = Database()
    sut = coalescer(database, flights=2, messages=1)
    await asyncio.gather(*(push(sut, str(number)) for number in range(20)))
    assert database.most_under_way == 2
    assert sut.flying == 0


async def test_each_rider_hears_of_its_own_duplicates() -> None:
    database = Database()
    await push(sut := coalescer(database), "x")
    tasks = [await airborne(database, sut, "a"), push(sut, "b", "x"), push(sut, "c"), push(sut, "x", "c")]
    await parked(sut, 3)
    database.open.set()
    results = await asyncio.gather(*tasks)
    assert results == [
        {},
        {1: database.stored["x"]},
        {},
        {0: database.stored["x"], 1: database.stored["c"]},
    ]


@pytest.mark.parametrize(
    "refusal", [BadRequest("no"), DataRefused("no"), UnknownPartition()], ids=["value", "data", "partition"]
)
async def test_a_refusal_is_its_own_riders_alone(refusal: Exception) -> None:
    database = Database()
    database.refuses = {"c": refusal}
    sut = coalescer(database)
    tasks = [await airborne(database, sut, "a"), *(push(sut, name) for name in "bcdefg")]
    await parked(sut, 6)
    database.open.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[2] is refusal
    assert [result for index, result in enumerate(results) if index != 2] == [{}] * 6
    assert sorted(database.stored) == list("abdefg")


@pytest.mark.parametrize("failure", [DatabaseUnavailable("away"), StatementFailed("disk full")])
async def test_a_failure_of_the_database_is_everybodys(failure: Exception) -> None:
    database = Database()
    database.refuses = {"c": failure}
    sut = coalescer(database)
    tasks = [await airborne(database, sut, "a"), *(push(sut, name) for name in "bcd")]
    await parked(sut, 3)
    database.open.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[0] == {}
    assert results[1:] == [failure] * 3
    assert len(database.flushes) == 2, "it is not tried again"


async def test_one_partition_that_is_gone_is_found_among_a_thousand() -> None:
    database = Database()
    database.refuses = {"700": UnknownPartition()}
    sut = coalescer(database, messages=1000)
    results = await asyncio.gather(*(push(sut, str(n)) for n in range(1000)), return_exceptions=True)
    assert [n for n, result in enumerate(results) if result != {}] == [700]
    assert len(database.flushes) <= 21


async def test_a_queue_that_is_gone_makes_no_call_for_each_of_its_pushes() -> None:
    """Who is told so without being at fault has lost nothing: a push looks again and is stored."""
    database = Database()
    gone = UnknownPartition()
    database.refuses = {str(n): gone for n in range(0, 1000, 2)}
    sut = coalescer(database, messages=1000)
    results = await asyncio.gather(*(push(sut, str(n)) for n in range(1000)), return_exceptions=True)
    assert all(result is gone for result in results[::2])
    assert all(result is gone or str(n) in database.stored for n, result in enumerate(results))
    assert len(database.flushes) <= 50


async def test_a_queue_that_is_gone_fails_nobody_for_another_riders_value() -> None:
    database = Database()
    database.refuses = {str(n): UnknownPartition() for n in range(0, 50, 2)} | {"99": BadRequest("no")}
    sut = coalescer(database, messages=1000)
    results = await asyncio.gather(*(push(sut, str(n)) for n in range(100)), return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, BadRequest)] == [99]


async def test_who_waits_too_long_is_told_so_and_stores_nothing() -> None:
    database = Database()
    sut = coalescer(database, boarding_ms=30)
    first, second = await airborne(database, sut, "a"), push(sut, "b")
    with pytest.raises(PoolTimeout):
        await second
    database.open.set()
    assert await first == {}
    assert await push(sut, "c") == {}
    assert sorted(database.stored) == ["a", "c"]


async def test_a_rider_that_leaves_is_left_behind() -> None:
    database = Database()
    sut = coalescer(database)
    tasks = [await airborne(database, sut, "a"), push(sut, "b"), push(sut, "c")]
    await parked(sut, 2)
    tasks[1].cancel()
    await asyncio.wait([tasks[1]])
    database.open.set()
    assert await tasks[0] == await tasks[2] == {}
    assert database.flushes == [["a"], ["c"]]


async def test_who_leaves_while_in_the_air_changes_nothing_for_its_fellows() -> None:
    database = Database()
    sut = coalescer(database)
    database.open.clear()
    tasks = [push(sut, name) for name in "abc"]
    await until(lambda: database.flushes == [["a", "b", "c"]])
    tasks[0].cancel()
    database.open.set()
    assert await tasks[1] == await tasks[2] == {}
    assert sorted(database.stored) == ["a", "b", "c"]


async def test_what_is_in_flight_at_the_end_is_cut_off_and_nobody_waits_for_ever() -> None:
    database = Database()
    sut = coalescer(database)
    async with sut.running():
        flying = await airborne(database, sut, "a")
        waiting = push(sut, "b")
        await parked(sut, 1)
    with pytest.raises(OutcomeUnknown):
        await flying
    with pytest.raises(ShuttingDown):
        await waiting
    assert sut.flying == 0


async def test_a_defect_of_one_flush_does_not_ground_the_others(caplog: pytest.LogCaptureFixture) -> None:
    database = Database()
    database.refuses = {"a": TypeError("a defect")}
    sut = coalescer(database)
    first = await airborne(database, sut, "a")
    second = push(sut, "b")
    await parked(sut, 1)
    database.open.set()
    with pytest.raises(OutcomeUnknown):
        await first
    assert await second == {}
    assert [record.message for record in caplog.records] == ["flight_failed"]


async def test_a_second_flight_departs_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queen.core.sharing.LATE_S", 60.0)  # a machine that stands still makes no flight late
    database = Database()
    sut = coalescer(database, flights=2, messages=3)
    tasks = [await airborne(database, sut, "a")]
    tasks += [push(sut, "b"), push(sut, "c")]
    await parked(sut, 2)
    assert sut.flying == 1
    tasks.append(push(sut, "d", "e"))
    await until(lambda: database.under_way == 2)
    database.open.set()
    assert await asyncio.gather(*tasks) == [{}] * 4
    assert database.flushes == [["a"], ["b", "c"], ["d", "e"]]


@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=30),
    flights=st.integers(1, 3),
    most=st.integers(1, 6),
    bad=st.sets(st.integers(0, 29), max_size=4),
    cancelled=st.sets(st.integers(0, 29), max_size=4),
)
def test_whoever_comes_is_answered_for_itself(
    sizes: list[int], flights: int, most: int, bad: set[int], cancelled: set[int]
) -> None:
    """Any crowd: each push is stored whole, refused for itself, or cut off; and every flight comes back."""

    async def crowd() -> None:
        database = Database()
        names = [[f"{number}-{step}" for step in range(size)] for number, size in enumerate(sizes)]
        database.refuses = {names[n][0]: BadRequest(str(n)) for n in bad if n < len(sizes)}
        sut = coalescer(database, flights=flights, messages=most)
        tasks = [push(sut, *each) for each in names]
        await asyncio.sleep(0)
        for number in cancelled & set(range(len(sizes))):
            tasks[number].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for number, result in enumerate(results):
            if isinstance(result, BadRequest):
                assert str(result) == str(number) and number in bad
            elif isinstance(result, asyncio.CancelledError):
                assert number in cancelled
            elif isinstance(result, OutcomeUnknown):
                assert cancelled
            else:
                assert result == {}
                assert set(names[number]) <= database.stored.keys()
        await until(lambda: sut.flying == 0 and not sut.waiting)
        assert await push(sut, "last") == {}

    asyncio.run(crowd())


async def test_a_flight_that_is_stuck_holds_up_nobody_but_its_riders() -> None:
    database = Database()
    sut = coalescer(database, flights=1)
    stuck = await airborne(database, sut, "a")
    others = [push(sut, "b"), push(sut, "c")]
    await until(lambda: database.flushes == [["a"], ["b", "c"]])
    assert not stuck.done()
    database.open.set()
    assert await asyncio.gather(stuck, *others) == [{}] * 3


async def test_a_flight_is_late_the_later_the_more_it_carries() -> None:
    database = Database()
    sut = coalescer(database, flights=2, messages=3_000)
    began_s = time.monotonic()
    stuck = await airborne(database, sut, *(str(number) for number in range(3_000)))
    other = push(sut, "b")
    await until(lambda: sut.flying == 2)
    assert time.monotonic() - began_s >= 3 * LATE_S
    database.open.set()
    assert (await stuck, await other) == ({}, {})


async def test_large_payloads_make_a_flush_full() -> None:
    database = Database()
    sut = coalescer(database, messages=10)
    flying = await airborne(database, sut, "a")
    large = [NewMessage(new_id(), PartitionName("q", "p"), "large", None, b"x" * 8 * 1024 * 10)]
    tasks = [asyncio.create_task(sut.insert(large, [1], Deadline.after_ms(LONG_MS))), push(sut, "b")]
    await parked(sut, 2)
    database.open.set()
    await asyncio.gather(flying, *tasks)
    assert database.flushes == [["a"], ["large"], ["b"]]


async def no_connection(database: Database, sut: Coalescer, *names: str) -> "asyncio.Task[Existing]":
    """A push that waits for a flight that waits for a connection: there is none."""
    database.connections = asyncio.Semaphore(0)
    task = push(sut, *names)
    await until(lambda: database.asking == 1)
    return task


async def test_who_comes_while_a_flight_waits_for_its_connection_rides_in_it() -> None:
    database = Database()
    sut = coalescer(database)
    tasks = [await no_connection(database, sut, "a"), push(sut, "b")]
    await parked(sut, 2)
    database.connections.release()
    assert await asyncio.gather(*tasks) == [{}] * 2
    assert database.flushes == [["a", "b"]]


async def test_the_waits_for_a_flight_and_for_its_connection_do_not_add_up() -> None:
    """Who asked first is told first, at its own time, also when both wait for the same connection."""
    for attempt in attempts():
        with attempt:
            database = Database()
            sut = coalescer(database, boarding_ms=150)
            first = await no_connection(database, sut, "a")
            await asyncio.sleep(0.1)
            second, second_s = push(sut, "b"), time.monotonic()
            with pytest.raises(PoolTimeout):
                await first
            in_time(time.monotonic() - second_s, 0.15)  # or its time is over as well
            assert not second.done(), "it has 100 ms more than the first one had"
            database.connections.release()
            assert await second == {}
            assert database.flushes == [["b"]]


async def test_few_flights_wait_for_a_connection_however_long_it_takes() -> None:
    database = Database()
    sut = coalescer(database, flights=9, messages=1)
    tasks = [await no_connection(database, sut, "a"), *(push(sut, name) for name in "bcdefgh")]
    asked_s = time.monotonic()
    await until(lambda: time.monotonic() >= asked_s + 5 * LATE_S)  # all who are at the gate are late
    assert database.most_asking == 2
    database.connections.release()
    assert await asyncio.gather(*tasks) == [{}] * 8


@pytest.mark.parametrize(
    ("away", "told"),
    [(DatabaseUnavailable("away"), DatabaseUnavailable), (TypeError("defect"), OutcomeUnknown)],
)
async def test_no_connection_is_everybodys_and_the_next_one_is_tried(
    away: Exception, told: type[Exception]
) -> None:
    database = Database()
    database.away = away
    sut = coalescer(database)
    results = await asyncio.gather(*(push(sut, name) for name in "abc"), return_exceptions=True)
    assert [type(result) for result in results] == [told] * 3
    database.away = None
    assert await push(sut, "d") == {}
    assert database.flushes == [["d"]]


async def test_a_second_flight_at_the_gate_departs_only_when_both_would_be_full() -> None:
    database = Database()
    sut = coalescer(database, flights=2, messages=2)
    await asyncio.gather(*(push(sut, name) for name in "abc"))
    assert database.flushes == [["a", "b"], ["c"]]
    assert database.most_asking == database.most_under_way == 1


async def test_everybody_who_waits_to_board_is_counted_and_for_how_long() -> None:
    database = Database()
    sut = coalescer(database, boarding_ms=100)
    tasks = [await no_connection(database, sut, "a"), *(push(sut, name) for name in "bc")]
    await parked(sut, 3)
    earlier = database.figures.read()
    assert (earlier.waiting_count, earlier.boarded, earlier.timeouts) == (3, 0, 0)
    await until(lambda: database.figures.read().waiting_seconds > earlier.waiting_seconds)
    await asyncio.wait(tasks)
    tasks.append(push(sut, "d"))
    await parked(sut, 1)
    database.connections.release()
    assert await tasks.pop() == {}
    after = database.figures.read()
    assert (after.waiting_count, after.boarded, after.timeouts) == (0, 1, 3)
    assert sum(after.wait_histogram.counts) == 1
    assert after.waiting_seconds - after.wait_seconds >= 3 * 0.1, "those who waited in vain are in it"


async def test_a_round_of_the_event_loop_that_takes_long_sends_no_empty_flight() -> None:
    """The first flight counts as late before it has begun; the second one finds that all are gone."""
    database = Database()
    sut = coalescer(database)
    messages = [NewMessage(new_id(), PartitionName("q", "p"), "a", None, b"1")]
    first = sut.board(messages, [1], Deadline.after_ms(LONG_MS))
    time.sleep(1.5 * LATE_S)  # noqa: ASYNC251 - the event loop stands still
    second = sut.board(messages, [1], Deadline.after_ms(LONG_MS))
    assert sut.flying == 2
    assert await first == await second == {}
    await until(lambda: sut.flying == 0)
    assert database.asked == 1


def board(sut: Coalescer, name: str, then: Callable[[], None]) -> Boarding:
    """A push that nobody awaits: `then` is called when it is told."""
    message = NewMessage(new_id(), PartitionName("q", "p"), name, None, b"1")
    rider = sut.board([message], [1], Deadline.after_ms(LONG_MS))
    rider.add_done_callback(lambda _: then())
    return rider


async def test_the_next_flight_departs_before_the_riders_of_the_last_one_are_told() -> None:
    database = Database()
    sut = coalescer(database)
    flown: list[tuple[str, int]] = []
    first = await airborne(database, sut, "a")
    for name in "bc":
        board(sut, name, partial(lambda name: flown.append((name, len(database.flushes))), name))
    await first_flight_lands(database, sut)
    board(sut, "d", lambda: None)
    database.open.set()
    await until(lambda: len(flown) == 2)
    assert flown == [("b", 3), ("c", 3)]
    assert await first == {}


async def first_flight_lands(database: Database, sut: Coalescer) -> None:
    """And the next one waits in the database."""
    database.open.set()
    database.open.clear()
    await until(lambda: len(database.flushes) == 2)


async def test_riders_of_a_flight_are_told_in_one_callback_of_the_event_loop() -> None:
    database = Database()
    sut = coalescer(database)
    loop = asyncio.get_running_loop()
    told: list[str] = []

    def tell(name: str) -> None:
        told.append(name)
        loop.call_soon(told.append, "later")

    for name in "abc":
        board(sut, name, partial(tell, name))
    await until(lambda: len(told) == 6)
    assert told == ["a", "b", "c", *["later"] * 3]


async def test_a_callback_that_fails_costs_nobody_else_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    database = Database()
    sut = coalescer(database)
    told: list[str] = []

    def fail() -> None:
        raise TypeError("a defect")

    board(sut, "a", partial(told.append, "a"))
    board(sut, "b", fail)
    board(sut, "c", partial(told.append, "c"))
    await until(lambda: len(told) == 2)
    assert told == ["a", "c"]
    assert [record.message for record in caplog.records] == ["rider_failed"]
    assert await push(sut, "d") == {}


async def test_a_rider_that_is_cancelled_in_the_line_is_left_behind() -> None:
    database = Database()
    sut = coalescer(database)
    first = await airborne(database, sut, "a")
    told: list[str] = []
    gone = board(sut, "b", partial(told.append, "b"))
    board(sut, "c", partial(told.append, "c"))
    gone.cancel()
    assert told == ["b"]
    database.open.set()
    assert await first == {}
    await until(lambda: told == ["b", "c"])
    assert database.flushes == [["a"], ["c"]]


async def test_who_is_sent_away_may_ask_again_at_once() -> None:
    """As a client does that has pipelined the next request: the line is not in the middle of anything."""
    database = Database()
    sut = coalescer(database, boarding_ms=30)
    flying = await airborne(database, sut, "a")
    told: list[str] = []

    def ask_again(name: str) -> None:
        told.append(f"{name}, {sut.waiting} wait")
        board(sut, f"{name} again", partial(told.append, f"{name} again"))

    for name in "bcd":
        board(sut, name, partial(ask_again, name))
    time.sleep(0.035)  # noqa: ASYNC251 - the time of all three is over when the event loop goes on
    await until(lambda: len(told) >= 3)
    assert told[:3] == ["b, 0 wait", "c, 1 wait", "d, 2 wait"]
    database.open.set()
    await until(lambda: len(told) == 6)
    assert await flying == {}
