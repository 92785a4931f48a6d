"""The cache of partitions: a name that is forgotten while others are looked up is not lost."""

import asyncio
from collections.abc import Sequence
from typing import cast

from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.store import Partition, PartitionName, Store

KNOWN, NEW = PartitionName("q", "known"), PartitionName("q", "new")


class SlowStore:
    """Answers when it is told to; counts what it was asked for."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self.asked: list[PartitionName] = []

    async def resolve(
        self, names: Sequence[PartitionName], deadline: Deadline
    ) -> dict[PartitionName, Partition]:
        self.asked += names
        await self.answer.wait()
        return {name: Partition(len(self.asked), "u") for name in names}


async def test_a_name_forgotten_during_a_look_up_is_still_answered() -> None:
    store = SlowStore()
    directory = Directory(cast(Store, store))
    store.answer.set()
    await directory.resolve([KNOWN], Deadline.after_ms(1000))
    store.answer.clear()
    resolving = asyncio.create_task(directory.resolve([KNOWN, NEW], Deadline.after_ms(1000)))
    await asyncio.sleep(0)
    directory.forget([KNOWN])
    store.answer.set()
    assert (await resolving).keys() == {KNOWN, NEW}


async def test_what_is_known_is_not_asked_for_again() -> None:
    store = SlowStore()
    store.answer.set()
    directory = Directory(cast(Store, store))
    for _ in range(3):
        await directory.resolve([KNOWN, NEW, KNOWN], Deadline.after_ms(1000))
    assert sorted(store.asked) == [KNOWN, NEW]
    directory.forget([NEW])
    await directory.resolve([KNOWN, NEW], Deadline.after_ms(1000))
    assert sorted(store.asked) == [KNOWN, NEW, NEW]
