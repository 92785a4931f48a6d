"""What one server process tells the others: which partitions may have something for whom.

A notice is a hint to look, like the wake-up that it becomes over there: a superfluous one costs a look, a
lost one the wait for the next look, never a message. Who carries it is the `Announcer`'s business
(`queen.postgres.notify`).
"""

from typing import Protocol

from msgspec import Struct


class Change(Struct, frozen=True):
    """These partitions of a queue may have something; None: more of them than are worth naming.

    `group` None: for every group.
    """

    queue: str
    group: str | None = None
    partitions: frozenset[str] | None = None


class Announcer(Protocol):
    """Whoever tells the other processes."""

    @property
    def listening(self) -> bool:
        """Whether what the others tell arrives now."""
        ...

    def announce(self, change: Change) -> None:
        """Take note of a change that is committed; never waits and never fails."""
        ...

    def expect(self) -> None:
        """Somebody here waits for what the other processes change; never waits and never fails."""
        ...


class Hearer(Protocol):
    """Whoever is told what the other processes changed."""

    @property
    def waiting(self) -> bool:
        """Whether anybody waits for it now."""
        ...

    def hear(self, change: Change) -> None:
        """Another process committed this."""
        ...

    def hear_anything(self) -> None:
        """Anything may have changed."""
        ...


class Silence:
    """The announcer of a process that has nobody to tell, and so misses nothing."""

    listening = True

    def announce(self, change: Change) -> None:
        """Nobody is told."""

    def expect(self) -> None:
        """Nobody tells."""


class Gathering:
    """Changes that the others are still to be told, merged and bounded.

    It begins with "anything": whoever has been told nothing so far must look at everything. It comes
    back to that when there is more to tell than is worth naming.
    """

    MOST_PARTITIONS = 100  # of one change; beyond it names none
    MOST_CHANGES = 1_000  # beyond it: anything

    def __init__(self) -> None:
        self._changes: dict[tuple[str, str | None], set[str] | None] | None = None  # None: anything

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return self._changes == {}

    def add(self, change: Change) -> None:
        """Merge one in."""
        if self._changes is None:
            return
        key = (change.queue, change.group)
        known = self._changes.setdefault(key, set())
        if known is None or change.partitions is None or len(change.partitions) > self.MOST_PARTITIONS:
            self._changes[key] = None
        else:
            known |= change.partitions
            if len(known) > self.MOST_PARTITIONS:
                self._changes[key] = None
        if len(self._changes) > self.MOST_CHANGES:
            self.add_anything()

    def add_anything(self) -> None:
        """What is to be told cannot be named."""
        self._changes = None

    def take(self) -> tuple[Change, ...] | None:
        """What is to be told, None: anything; from here on it counts as told."""
        changes, self._changes = self._changes, {}
        if changes is None:
            return None
        return tuple(
            Change(queue, group, None if partitions is None else frozenset(partitions))
            for (queue, group), partitions in changes.items()
        )
