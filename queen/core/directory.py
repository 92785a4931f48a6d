"""Which partition a name means: a cache in front of the store.

A partition never changes its id while it lives. An entry may outlive its partition (the queue was
deleted by someone else); whoever finds out by `UnknownPartition` calls `forget` and resolves again.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TypeVar

from queen.core.deadline import Deadline
from queen.core.store import Partition, PartitionName, Store, UnknownPartition
from queen.errors import StatementFailed

_FRESH_STARTS = 3  # finds that the queue was deleted meanwhile, one after the other
_MOST_ENTRIES = 200_000  # then the cache starts anew

Result = TypeVar("Result")


class Directory:
    """Names → partitions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[PartitionName, Partition] = {}

    async def resolve(
        self, names: Iterable[PartitionName], deadline: Deadline
    ) -> dict[PartitionName, Partition]:
        """The partitions of these names; those that do not exist are made."""
        found: dict[PartitionName, Partition] = {}  # taken before the wait: the cache may forget meanwhile
        missing: set[PartitionName] = set()
        for name in names:
            partition = self._known.get(name)
            if partition is None:
                missing.add(name)
            else:
                found[name] = partition
        if missing:
            resolved = await self._store.resolve(sorted(missing), deadline)
            self._remember(resolved)
            found.update(resolved)
        return found

    def known(self, names: Iterable[PartitionName]) -> list[Partition] | None:
        """The partitions of these names, if none has to be asked for."""
        partitions: list[Partition] = []
        for name in names:
            partition = self._known.get(name)
            if partition is None:
                return None
            partitions.append(partition)
        return partitions

    async def find(self, name: PartitionName, deadline: Deadline) -> Partition | None:
        """The partition, if it exists; it is not made."""
        if name not in self._known:
            found = await self._store.find(name, deadline)
            if found is None:
                return None
            self._remember({name: found})
            return found
        return self._known[name]

    async def with_partitions(
        self,
        names: Collection[PartitionName],
        deadline: Deadline,
        work: Callable[[list[Partition]], Awaitable[Result]],
    ) -> Result:
        """Do the work with these partitions, one for each name; anew when a queue was deleted meanwhile.

        `work` raises `UnknownPartition` when it did nothing for that reason. Raises `StatementFailed` when it
        happens again and again.
        """
        for _ in range(_FRESH_STARTS):
            partitions = await self.resolve(names, deadline)
            try:
                return await work([partitions[name] for name in names])
            except UnknownPartition:
                self.forget(names)
        raise StatementFailed("a queue was deleted again and again while this was under way")

    def _remember(self, found: dict[PartitionName, Partition]) -> None:
        if len(self._known) + len(found) > _MOST_ENTRIES:
            self._known.clear()
        self._known.update(found)

    def forget(self, names: Iterable[PartitionName]) -> None:
        """Drop what turned out to be stale."""
        for name in names:
            self._known.pop(name, None)
