"""What a push does when it is stored: whoever waits for one of its partitions is woken."""

import asyncio
from collections.abc import Sequence
from typing import cast

from queen.core.backlog import Backlog, Depth
from queen.core.coalesce import Existing
from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.notices import Change
from queen.core.push import Pusher, Stored
from queen.core.store import NewMessage, Partition, PartitionName, Store
from queen.core.strategies import Strategy
from queen.core.wakeups import Wakeups
from tests.messages import new_message
from tests.waiting import until


class Storing:
    """A store without limits and a strategy in one, which waits to be let go."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.waiting = 0
        self.announced: list[Change] = []
        strategy = Strategy(self._insert)
        self.pusher = Pusher(Directory(cast(Store, self)), Backlog(self), Wakeups(self), strategy)

    async def resolve(
        self, names: Sequence[PartitionName], deadline: Deadline
    ) -> dict[PartitionName, Partition]:
        return {name: Partition(number, str(number)) for number, name in enumerate(names)}

    async def depths(self, queues: Sequence[str], deadline: Deadline) -> Sequence[Depth]:
        return []

    async def _insert(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> Existing:
        self.waiting += 1
        await self.open.wait()
        return {}

    @property
    def listening(self) -> bool:
        raise AssertionError("nobody waits")

    def announce(self, change: Change) -> None:
        self.announced.append(change)

    def expect(self) -> None:
        raise AssertionError("nobody waits")

    async def push(self, queue: str, *partitions: str) -> None:
        messages = [new_message(PartitionName(queue, partition), "1") for partition in partitions]
        await self.pusher.push(messages, Deadline.after_ms(10_000))


async def test_what_is_stored_together_wakes_each_queue_once() -> None:
    sut = Storing()
    async with asyncio.TaskGroup() as group:
        for queue, *partitions in (("q", "a"), ("q", "b", "c"), ("r", "a"), ("q", "a")):
            group.create_task(sut.push(queue, *partitions))
        await until(lambda: sut.waiting == 4)
        sut.open.set()
    await until(lambda: len(sut.announced) == 2)
    assert set(sut.announced) == {
        Change("q", partitions=frozenset("abc")),
        Change("r", partitions=frozenset("a")),
    }


async def test_what_is_stored_later_wakes_again() -> None:
    sut = Storing()
    sut.open.set()
    await sut.push("q", "a")
    await until(lambda: len(sut.announced) == 1)
    await sut.push("q", "a")
    await until(lambda: len(sut.announced) == 2)


def test_a_message_that_is_there_with_our_own_id_is_no_duplicate() -> None:
    messages = [new_message(PartitionName("q", "p"), "1") for _ in range(3)]
    partitions = [Partition(1, "one")] * 3
    there = new_message(PartitionName("q", "p"), "1").id
    stored = Stored.of(messages, partitions, {0: messages[0].id, 2: there})
    assert stored.duplicates == {2: there}
    assert [(each.id, each.duplicate) for each in stored.each()] == [
        (messages[0].id, False),
        (messages[1].id, False),
        (there, True),
    ]
