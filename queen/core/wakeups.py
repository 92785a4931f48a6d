"""Who waits for messages, and who is woken: long polls park here, without a database connection.

A waiter registers *before* it looks into the store, so a push that commits in between is not missed. A
wake-up is only a hint to look again; a lost or a superfluous one costs time, never a message. Of each
group as many waiters are woken as partitions changed: more would only find them taken.

What no push announces (a lease that runs out, a delayed message that falls due) only the first in line
looks for, now and then; when it leaves, the next in line is woken and takes over.
"""

import asyncio
from collections import deque
from collections.abc import Set as AbstractSet


class Waiter:
    """One parked long poll of a group on a queue; `partition` None: any partition."""

    __slots__ = ("_event", "group", "partition", "queue")

    def __init__(self, queue: str, group: str, partition: str | None) -> None:
        self.queue = queue
        self.group = group
        self.partition = partition
        self._event = asyncio.Event()

    def wake(self) -> None:
        """Have it look again."""
        self._event.set()

    @property
    def woken(self) -> bool:
        """Whether it was woken since the last `clear`."""
        return self._event.is_set()

    def clear(self) -> None:
        """Forget earlier wake-ups: call before each look."""
        self._event.clear()

    async def wait(self, timeout_s: float) -> None:
        """Until woken or for `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            pass


Readers = dict[tuple[str, str | None], deque[Waiter]]


class Wakeups:
    """All parked polls of this process, first come first woken."""

    def __init__(self) -> None:
        self._waiting: dict[str, Readers] = {}  # queue → (group, partition or None) → waiters
        self._closed = False

    @property
    def parked(self) -> int:
        """Polls that wait now."""
        return sum(len(waiters) for readers in self._waiting.values() for waiters in readers.values())

    @property
    def closed(self) -> bool:
        """Whether the server drains: nobody waits any more."""
        return self._closed

    def join(self, queue: str, group: str, partition: str | None) -> Waiter:
        """Register a waiter; `leave` must follow."""
        waiter = Waiter(queue, group, partition)
        self._waiting.setdefault(queue, {}).setdefault((group, partition), deque()).append(waiter)
        return waiter

    def leads(self, waiter: Waiter) -> bool:
        """Whether it is the first in line."""
        return self._waiting[waiter.queue][waiter.group, waiter.partition][0] is waiter

    def leave(self, waiter: Waiter) -> None:
        """Take a waiter out. Its lead, and a wake-up that it got and did not use, go to the next one."""
        readers = self._waiting[waiter.queue]
        waiters = readers[waiter.group, waiter.partition]
        led = waiters[0] is waiter
        waiters.remove(waiter)
        if led or waiter.woken:
            _wake_first(waiters, 1)
        if not waiters:
            del readers[waiter.group, waiter.partition]
            if not readers:
                del self._waiting[waiter.queue]

    def wake(self, queue: str, partitions: AbstractSet[str], group: str | None = None) -> None:
        """These partitions of the queue may have something, for all groups or for one."""
        for (reader, partition), waiters in self._waiting.get(queue, {}).items():
            if group is not None and reader != group:
                continue
            if partition is None:
                _wake_first(waiters, len(partitions))
            elif partition in partitions:
                _wake_first(waiters, 1)

    def close(self) -> None:
        """Wake everybody, for good: the server drains."""
        self._closed = True
        for readers in self._waiting.values():
            for waiters in readers.values():
                _wake_first(waiters, len(waiters))


def _wake_first(waiters: deque[Waiter], most: int) -> None:
    for waiter in waiters:
        if most <= 0:
            return
        if not waiter.woken:
            waiter.wake()
            most -= 1
