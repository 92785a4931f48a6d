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
and the strategy coalesces, the push is on its way (`BoardedPush`). It has loops where a comprehension would
do: that is a function to make and to call, which shows where most pushes are of one message.
"""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from queen.core.backlog import Backlog
from queen.core.coalesce import Boarding, Existing
from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.store import NewMessage, Partition, PartitionName, by_queue
from queen.core.strategies import Strategy
from queen.core.wakeups import Wakeups


class Pushed(Struct, frozen=True, gc=False):
    """What became of one message. `id` is that of the message in the store, whoever pushed it."""

    id: str
    transaction_id: str
    partition: Partition
    duplicate: bool


class Stored(Struct, frozen=True):
    """What became of the messages of one push. `duplicates`: index → id of the one that is there already."""

    messages: Sequence[NewMessage]
    partitions: Sequence[Partition]
    duplicates: Existing

    @classmethod
    def of(
        cls, messages: Sequence[NewMessage], partitions: Sequence[Partition], existing: Existing
    ) -> "Stored":
        """A message that is there already with our own id is ours: it is no duplicate."""
        if existing:
            existing = {index: there for index, there in existing.items() if there != messages[index].id}
        return cls(messages, partitions, existing)

    def each(self) -> list[Pushed]:
        """The same, message by message, in their order."""
        return [
            Pushed(
                self.duplicates.get(index, message.id),
                message.transaction_id,
                partition,
                index in self.duplicates,
            )
            for index, (message, partition) in enumerate(zip(self.messages, self.partitions, strict=True))
        ]


class BoardedPush(Struct, frozen=True):
    """A push by the short way. Once `rider` is done, `Pusher.land` says what it comes to."""

    rider: Boarding
    messages: Sequence[NewMessage]
    partitions: Sequence[Partition]


class Pusher:
    """The push operation of one server process."""

    def __init__(self, directory: Directory, backlog: Backlog, wakeups: Wakeups, strategy: Strategy) -> None:
        self._insert = strategy.insert
        self._board = strategy.board
        self._directory = directory
        self._backlog = backlog
        self._wakeups = wakeups
        self._stored: list[Sequence[NewMessage]] = []  # in this round of the event loop

    async def push(self, messages: Sequence[NewMessage], deadline: Deadline) -> Stored:
        """Store the messages. Raises `QueueFull`."""

        async def insert(partitions: Sequence[Partition]) -> Stored:
            ids = [partition.id for partition in partitions]
            return Stored.of(messages, partitions, await self._insert(messages, ids, deadline))

        async with self._backlog.room(messages, deadline):
            done = await self._directory.with_partitions(names_of(messages), deadline, insert)
        self._wake(messages)
        return done

    def board(self, messages: Sequence[NewMessage], deadline: Deadline) -> BoardedPush | None:
        """The short way to the same. None: there is something to wait for, so `push` must do it."""
        if self._board is None or not self._backlog.is_unlimited(messages):
            return None
        partitions = self._directory.known(names_of(messages))
        if partitions is None:
            return None
        ids: list[int] = []
        for partition in partitions:
            ids.append(partition.id)
        rider = self._board(messages, ids, deadline)
        return BoardedPush(rider, messages, partitions)

    def land(self, push: BoardedPush) -> Stored:
        """What a push by the short way comes to, once its rider is done.

        Raises `UnknownPartition` when a queue was deleted meanwhile; then nothing was stored, and `push` does
        it all the same.
        """
        existing = push.rider.result()
        self._wake(push.messages)
        return Stored.of(push.messages, push.partitions, existing)

    def forget(self, messages: Sequence[NewMessage]) -> None:
        """What was known of their partitions was wrong."""
        self._directory.forget(names_of(messages))

    def _wake(self, messages: Sequence[NewMessage]) -> None:
        """Together with what else lands in this round of the event loop: all that shared a call does."""
        if not self._stored:
            asyncio.get_running_loop().call_soon(self._wake_for_stored)
        self._stored.append(messages)

    def _wake_for_stored(self) -> None:
        stored, self._stored = self._stored, []
        names = {message.partition for messages in stored for message in messages}
        for queue, partitions in by_queue(names).items():
            self._wakeups.wake(queue, partitions)


def names_of(messages: Sequence[NewMessage]) -> list[PartitionName]:
    """Where they go."""
    names: list[PartitionName] = []
    for message in messages:
        names.append(message.partition)
    return names
