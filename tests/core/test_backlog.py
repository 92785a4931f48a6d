"""maxSize: when a push is refused, and when the store is asked for the depth."""

import asyncio
from collections import deque
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queen.core.backlog import READING_FOR_S, REFUSING_FOR_S, UNLIMITED_FOR_S, Backlog, Depth
from queen.core.deadline import Deadline
from queen.core.store import NewMessage, PartitionName
from queen.errors import PoolTimeout, QueueFull
from tests.clock import Clock
from tests.messages import new_id
from tests.waiting import until


class Store:
    """Depths that the test sets; a reading waits for `gate`, and fails with what `failures` holds."""

    def __init__(self) -> None:
        self.max_size = {"orders": 10}
        self.depth = {"orders": 0}
        self.asked: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures: deque[Exception] = deque()

    async def depths(self, queues: Sequence[str], deadline: Deadline) -> Sequence[Depth]:
        self.asked.append(sorted(queues))
        await self.gate.wait()
        if self.failures:
            raise self.failures.popleft()
        return [
            Depth(name, self.max_size[name], self.depth[name]) for name in queues if name in self.max_size
        ]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def backlog(store: Store, clock: Clock) -> Backlog:
    return Backlog(store, clock)


def messages(count: int, queue: str = "orders") -> list[NewMessage]:
    return [NewMessage(new_id(), PartitionName(queue, "p"), "t", None, b"1") for _ in range(count)]


async def push(backlog: Backlog, count: int, queue: str = "orders") -> None:
    async with backlog.room(messages(count, queue), Deadline.after_ms(1000)):
        pass


async def test_up_to_max_size_and_no_further(backlog: Backlog) -> None:
    await push(backlog, 6)
    await push(backlog, 4)
    with pytest.raises(QueueFull, match="queue 'orders' is full: 10 messages wait, maxSize is 10") as refused:
        await push(backlog, 1)
    assert (refused.value.status, refused.value.code, refused.value.retry_after_s) == (429, "queue_full", 1)
    assert backlog.refused == 1


async def test_a_refused_push_takes_no_room(backlog: Backlog) -> None:
    await push(backlog, 6)
    with pytest.raises(QueueFull):
        await push(backlog, 5)
    await push(backlog, 4)


async def test_the_whole_request_is_refused_for_one_full_queue(backlog: Backlog, store: Store) -> None:
    store.max_size["mails"], store.depth["mails"] = 10, 10
    stored = False
    with pytest.raises(QueueFull, match="'mails'"):
        async with backlog.room([*messages(9), *messages(1, "mails")], Deadline.after_ms(1000)):
            stored = True
    assert not stored
    await push(backlog, 10)
    assert store.asked == [["mails", "orders"]], "one reading for both"


async def test_what_is_larger_than_max_size_passes_when_nothing_waits(backlog: Backlog) -> None:
    await push(backlog, 25)
    with pytest.raises(QueueFull, match="25 messages wait"):
        await push(backlog, 1)


@pytest.mark.parametrize(
    ("queues", "unlimited"),
    [
        (["free", "free"], True),
        (["free", "orders"], False),
        (["orders", "free"], False),
        (["free", "free", "orders"], False),
        (["free", "unknown"], False),
    ],
)
async def test_a_request_is_unlimited_when_each_of_its_queues_is(
    backlog: Backlog, queues: list[str], unlimited: bool
) -> None:
    await push(backlog, 1, "free")
    await push(backlog, 1)
    asked = [message for queue in queues for message in messages(1, queue)]
    assert backlog.is_unlimited(asked) is unlimited


async def test_that_a_queue_is_unlimited_is_known_for_ten_seconds(backlog: Backlog, clock: Clock) -> None:
    await push(backlog, 1, "free")
    clock.now_s += UNLIMITED_FOR_S + 0.1
    assert not backlog.is_unlimited(messages(2, "free"))


async def test_a_queue_without_max_size_is_asked_for_every_ten_seconds(
    backlog: Backlog, store: Store, clock: Clock
) -> None:
    for _ in range(100):
        await push(backlog, 1000, "free")
    assert len(store.asked) == 1
    clock.now_s += UNLIMITED_FOR_S
    await push(backlog, 1, "free")
    assert len(store.asked) == 1
    clock.now_s += 0.1
    await push(backlog, 1, "free")
    assert len(store.asked) == 2


async def test_that_question_holds_up_one_push_only(backlog: Backlog, store: Store, clock: Clock) -> None:
    await push(backlog, 1, "free")
    clock.now_s += UNLIMITED_FOR_S + 1
    store.gate.clear()
    asking = asyncio.create_task(push(backlog, 1, "free"))
    await until(lambda: len(store.asked) == 2)
    await push(backlog, 1, "free")
    assert not asking.done()
    store.gate.set()
    await asking


async def test_a_queue_with_max_size_is_read_every_second(
    backlog: Backlog, store: Store, clock: Clock
) -> None:
    await push(backlog, 1)
    clock.now_s += READING_FOR_S
    await push(backlog, 1)
    assert len(store.asked) == 1
    clock.now_s += 0.1
    store.depth["orders"] = 9
    await push(backlog, 1)
    assert len(store.asked) == 2
    with pytest.raises(QueueFull):
        await push(backlog, 1)


async def test_nobody_is_refused_for_an_old_reading(backlog: Backlog, store: Store, clock: Clock) -> None:
    """Consumers that keep up make room at once, not after a second."""
    await push(backlog, 10)
    clock.now_s += REFUSING_FOR_S + 0.01
    store.depth["orders"] = 3
    await push(backlog, 7)
    with pytest.raises(QueueFull):
        await push(backlog, 1)
    assert len(store.asked) == 2


async def test_a_slow_reading_is_good_enough_for_whoever_waited_for_it(
    store: Store, clock: Clock, backlog: Backlog
) -> None:
    store.depth["orders"] = 10
    store.gate.clear()
    pushing = asyncio.create_task(push(backlog, 1))
    await until(lambda: len(store.asked) == 1)
    clock.now_s += 30
    store.gate.set()
    with pytest.raises(QueueFull):
        await pushing
    assert len(store.asked) == 1


async def test_many_wait_for_the_same_reading(backlog: Backlog, store: Store) -> None:
    store.gate.clear()
    pushing = [asyncio.create_task(push(backlog, 1)) for _ in range(20)]
    await until(lambda: len(store.asked) == 1)
    store.gate.set()
    outcomes = await asyncio.gather(*pushing, return_exceptions=True)
    assert sum(isinstance(outcome, QueueFull) for outcome in outcomes) == 10
    assert len(store.asked) == 1


async def test_a_reading_that_fails_fails_all_who_waited_for_it_and_nobody_else(
    backlog: Backlog, store: Store
) -> None:
    store.gate.clear()
    store.failures.append(PoolTimeout())
    pushing = [asyncio.create_task(push(backlog, 1)) for _ in range(3)]
    await until(lambda: len(store.asked) == 1)
    store.gate.set()
    outcomes = await asyncio.gather(*pushing, return_exceptions=True)
    assert all(isinstance(outcome, PoolTimeout) for outcome in outcomes)
    await push(backlog, 10)
    assert len(store.asked) == 2


async def test_a_reader_that_is_cancelled_leaves_the_reading_to_another(
    backlog: Backlog, store: Store
) -> None:
    store.gate.clear()
    first = asyncio.create_task(push(backlog, 4))
    await until(lambda: len(store.asked) == 1)
    second = asyncio.create_task(push(backlog, 10))
    first.cancel()
    await until(lambda: len(store.asked) == 2)
    store.gate.set()
    await second
    assert first.cancelled()


async def test_a_new_max_size_holds_at_once(backlog: Backlog, store: Store) -> None:
    await push(backlog, 10)
    store.max_size["orders"], store.depth["orders"] = 12, 10
    backlog.forget("orders")
    await push(backlog, 2)
    backlog.forget("nobody knows it")


async def test_a_reading_from_before_the_new_max_size_counts_for_nothing(
    backlog: Backlog, store: Store
) -> None:
    store.gate.clear()
    pushing = asyncio.create_task(push(backlog, 8))
    await until(lambda: len(store.asked) == 1)
    backlog.forget("orders")
    store.max_size["orders"], store.depth["orders"] = 5, 1
    store.gate.set()
    with pytest.raises(QueueFull):
        await pushing
    assert len(store.asked) == 2


async def test_a_push_that_is_not_finished_is_not_lost_from_the_count(
    backlog: Backlog, store: Store, clock: Clock
) -> None:
    """A reading cannot see what is stored only after it."""
    async with backlog.room(messages(6), Deadline.after_ms(1000)):
        clock.now_s += READING_FOR_S + 1
        with pytest.raises(QueueFull):
            await push(backlog, 5)
        assert len(store.asked) == 2
        await push(backlog, 4)


@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(0, 5), st.floats(0, 2), st.integers(0, 4)), max_size=60
    )
)
async def test_one_process_never_exceeds_max_size(
    course: list[tuple[int, int, float, int]],
) -> None:
    """Whatever is pushed, consumed and waited for, and however long a push takes."""
    store, clock = Store(), Clock(1000.0)
    backlog = Backlog(store, clock)
    unfinished: deque[tuple[int, asyncio.Event, asyncio.Task[None]]] = deque()

    async def slowly(count: int, go: asyncio.Event) -> None:
        async with backlog.room(messages(count), Deadline.after_ms(1000)):
            await go.wait()
            store.depth["orders"] += count

    async def finish() -> None:
        _, go, task = unfinished.popleft()
        go.set()
        await task

    for count, consumed, pause_s, finishing in course:
        go = asyncio.Event()
        task = asyncio.create_task(slowly(count, go))
        before = store.depth["orders"] + sum(other for other, _, _ in unfinished)
        await asyncio.sleep(0)
        if task.done():
            assert isinstance(task.exception(), QueueFull)
        else:
            assert before == 0 or before + count <= 10
            unfinished.append((count, go, task))
        for _ in range(min(finishing, len(unfinished))):
            await finish()
        store.depth["orders"] = max(0, store.depth["orders"] - consumed)
        clock.now_s += pause_s
    while unfinished:
        await finish()
