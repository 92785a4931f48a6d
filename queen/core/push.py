"""Push: fix the ids, see that there is room, find the partitions, store by the strategy, wake who waits.

All messages of a request or none, in one transaction (postgres/migrations/0003_push.sql). In a partition they
keep their order, and pushes follow each other in the order in which they get the partition's lock.

Duplicates are answers, not errors: a message whose (partition, transaction id) is taken, as long as the one
that took it is kept. Message ids are fixed before the first try: when an internal retry meets a message with
our own id, that message is ours and is `queued`. What is tried again by itself was always rolled back: a
deadlock (postgres/calls.py), a queue deleted meanwhile (here), a flush that is sent in halves (sharing.py).
After an `OutcomeUnknown` only the client can try again, and only a transaction id of its own is recognized
then: a message that left it to the server would be stored a second time.

There are two ways with one meaning. `push` waits for whatever must be waited for: partitions that are not
known yet, the depth of a queue that has a maxSize, a connection. `board` waits for nothing: when all is known
and the strategy coalesces, the push is on its way (`Boarded` in core/sharing.py).
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from queen.core.backlog import Backlog
from queen.core.coalesce import Existing, Turn
from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.sharing import Boarded
from queen.core.store import NewMessage, Partition, PartitionName, by_queue
from queen.core.strategies import Strategy
from queen.core.wakeups import Wakeups


class Pushed(Struct, frozen=True, gc=False):
    """What became of one message. `id` is that of the message in the store, whoever pushed it."""

    id: str
    transaction_id: str
    partition: Partition
    duplicate: bool


class Pusher:
    """The push operation of one server process."""

    def __init__(self, directory: Directory, backlog: Backlog, wakeups: Wakeups, strategy: Strategy) -> None:
        self._insert = strategy.insert
        self._board = strategy.board
        self._directory = directory
        self._backlog = backlog
        self._wakeups = wakeups
        self._stored: set[PartitionName] = set()  # in this round of the event loop

    async def push(self, messages: Sequence[NewMessage], deadline: Deadline) -> list[Pushed]:
        """Store the messages; one answer for each, in their order. Raises `QueueFull`."""

        async def insert(partitions: Sequence[Partition]) -> list[Pushed]:
            ids = [partition.id for partition in partitions]
            return pushed(messages, partitions, await self._insert(messages, ids, deadline))

        names = names_of(messages)
        async with self._backlog.room(messages, deadline):
            done = await self._directory.with_partitions(names, deadline, insert)
        self._wake(names)
        return done

    def board(self, messages: Sequence[NewMessage], deadline: Deadline) -> Boarded[list[Pushed]] | None:
        """The short way to the same. None: there is something to wait for, so `push` must do it.

        It lands with `UnknownPartition` when a queue was deleted meanwhile; then nothing was stored, and
        `push` does it all the same.
        """
        if self._board is None or not self._backlog.is_unlimited(messages):
            return None
        names = names_of(messages)
        partitions = self._directory.known(names)
        if partitions is None:
            return None
        ids = [partition.id for partition in partitions]
        turn = self._board(messages, ids, deadline)
        return Boarded(turn, partial(self._land, messages, names, partitions, turn))

    def _land(
        self,
        messages: Sequence[NewMessage],
        names: Sequence[PartitionName],
        partitions: Sequence[Partition],
        turn: Turn,
    ) -> list[Pushed]:
        existing = turn.result()
        self._wake(names)
        return pushed(messages, partitions, existing)

    def forget(self, messages: Sequence[NewMessage]) -> None:
        """What was known of their partitions was wrong."""
        self._directory.forget(names_of(messages))

    def _wake(self, names: Sequence[PartitionName]) -> None:
        """Together with what else lands in this round of the event loop: all that shared a call does."""
        if not self._stored:
            asyncio.get_running_loop().call_soon(self._wake_for_stored)
        self._stored.update(names)

    def _wake_for_stored(self) -> None:
        stored, self._stored = self._stored, set()
        for queue, partitions in by_queue(stored).items():
            self._wakeups.wake(queue, partitions)


def names_of(messages: Sequence[NewMessage]) -> list[PartitionName]:
    """Where they go."""
    return [message.partition for message in messages]


def pushed(
    messages: Sequence[NewMessage], partitions: Sequence[Partition], existing: Existing
) -> list[Pushed]:
    """The answers. A message that is there already with our own id is ours: it is no duplicate."""
    if not existing:
        return [
            Pushed(message.id, message.transaction_id, partition, False)
            for message, partition in zip(messages, partitions, strict=True)
        ]
    return [
        Pushed(
            id=existing.get(index, message.id),
            transaction_id=message.transaction_id,
            partition=partition,
            duplicate=existing.get(index, message.id) != message.id,
        )
        for index, (message, partition) in enumerate(zip(messages, partitions, strict=True))
    ]
