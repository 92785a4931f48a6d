"""maxSize: a push that would make a queue's backlog longer than that is refused, before anything is stored.

The backlog is what the queue's slowest group still has to consume; all messages when nobody reads it. It is
read from the store now and then, and between two readings what this process admits is added to it:

- a queue without maxSize is asked for it every 10 s, by one push, while the others go on as before; so it
  takes up to 10 s until a maxSize that another process has set is known here;
- a queue with one is read again when the reading is 1 s old, and before a push is refused when it is 0.1 s
  old; whoever pushes meanwhile waits for the same reading.

So one process never exceeds maxSize. Several may, by what the others push during the second for which a
reading counts. A push that is by itself larger than maxSize is admitted when there is no backlog: it could
never succeed otherwise.

A refused push has stored nothing. That goes for a push that is sent again because its answer was lost, too:
it is refused while the queue is full and answered `duplicate` once there is room - which is when the client
comes again, since a refusal asks it to.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from msgspec import Struct

from queen.core.deadline import Deadline
from queen.core.store import NewMessage
from queen.errors import QueenError, QueueFull

UNLIMITED_FOR_S = 10.0  # how long "no maxSize" counts
READING_FOR_S = 1.0  # how long a reading of a backlog counts,
REFUSING_FOR_S = 0.1  # and how long it is good enough to refuse a push
_MOST_QUEUES = 100_000


class Depth(Struct, frozen=True):
    """One reading. `max_size` 0: unlimited, and `depth` was not read."""

    queue: str
    max_size: int
    depth: int  # messages


class DepthReader(Protocol):
    """Whoever can read depths."""

    async def depths(self, queues: Sequence[str], deadline: Deadline) -> Sequence[Depth]:
        """Those of these queues that exist, in any order. Raises `QueenError`."""
        ...


class Backlog:
    """The backlogs of the queues that this process pushes to."""

    def __init__(self, reader: DepthReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self._queues: dict[str, _Queue] = {}
        self.refused = 0  # pushes, since the start

    @asynccontextmanager
    async def room(self, messages: Collection[NewMessage], deadline: Deadline) -> AsyncIterator[None]:
        """Store these messages inside the block, all of them or none.

        Raises `QueueFull` when a queue of theirs has no room for them, and what a reading raises.
        """
        if self.is_unlimited(messages):
            yield
            return
        counts = Counter(message.partition.queue for message in messages)
        limited = await self._limited(counts, deadline)
        for queue in limited:
            if not queue.has_room_for(counts[queue.name]):
                self.refused += 1
                raise QueueFull(queue.name, queue.backlog, queue.max_size)
        for queue in limited:
            queue.admitted += counts[queue.name]
        try:
            yield
        finally:
            for queue in limited:
                queue.finished += counts[queue.name]

    def forget(self, queue: str) -> None:
        """The queue's maxSize may be another one now: ask at the next push."""
        if known := self._queues.get(queue):
            known.forget()

    def is_unlimited(self, messages: Collection[NewMessage]) -> bool:
        """Whether all their queues are known to have no maxSize: there is always room then."""
        now_s = self._clock()
        known: str | None = None  # most have the queue of the one before
        for message in messages:
            name = message.partition.queue
            if name is not known:
                queue = self._queues.get(name)
                if queue is None or queue.max_size or queue.is_stale(0, now_s):
                    return False
                known = name
        return True

    async def _limited(self, counts: Mapping[str, int], deadline: Deadline) -> "list[_Queue]":
        """The queues with a maxSize, as fresh as these pushes need them."""
        asked_s = self._clock()
        while True:
            queues = [self._known(name) for name in counts]
            stale = [queue for queue in queues if queue.is_stale(counts[queue.name], asked_s)]
            if not stale:
                return [queue for queue in queues if queue.max_size]
            await self._refresh(stale, deadline)

    def _known(self, name: str) -> "_Queue":
        queue = self._queues.get(name)
        if queue is None:
            if len(self._queues) >= _MOST_QUEUES:
                self._queues.clear()
            queue = self._queues[name] = _Queue(name)
        return queue

    async def _refresh(self, stale: "Sequence[_Queue]", deadline: Deadline) -> None:
        """Read those that nobody reads at the moment, and wait for the others."""
        under_way = [queue.reading for queue in stale if queue.reading is not None]
        unread = [queue for queue in stale if queue.reading is None]
        if unread:
            await self._read(unread, deadline)
        for reading in under_way:
            await reading.ended.wait()
            if reading.error is not None:
                raise reading.error

    async def _read(self, queues: "Sequence[_Queue]", deadline: Deadline) -> None:
        reading = _Reading()
        for queue in queues:
            queue.begin(reading)
        started_s = self._clock()
        try:
            found = await self._reader.depths([queue.name for queue in queues], deadline)
            depths = {depth.queue: depth for depth in found}
            for queue in queues:
                queue.take(reading, depths.get(queue.name, Depth(queue.name, 0, 0)), started_s)
        except QueenError as error:
            reading.error = error
            raise
        finally:
            for queue in queues:
                queue.end(reading)
            reading.ended.set()


class _Reading:
    """A reading under way. When it ends with nothing known and no error, its reader was cancelled."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.error: QueenError | None = None
        self.sees: dict[str, int] = {}  # queue → its finished messages when the reading began


class _Queue:
    """What is known of one queue's backlog."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.max_size = 0
        self.reading: _Reading | None = None
        self.admitted = 0  # messages, ever,
        self.finished = 0  # and of those, the ones whose push has ended, well or not
        self._read_s = -math.inf  # when the last reading began
        self._depth = 0
        self._contained = 0  # admitted messages that are part of the depth already

    @property
    def backlog(self) -> int:
        """Messages, if all that were admitted are stored and nothing was consumed since the reading."""
        return self._depth + self.admitted - self._contained

    def has_room_for(self, messages: int) -> bool:
        return self.backlog == 0 or self.backlog + messages <= self.max_size

    def is_stale(self, messages: int, asked_s: float) -> bool:
        """Whether a push of that many messages, asked for at that instant, must wait for a reading."""
        age_s = asked_s - self._read_s
        if self.max_size:
            return age_s > (READING_FOR_S if self.has_room_for(messages) else REFUSING_FOR_S)
        return age_s == math.inf or (age_s > UNLIMITED_FOR_S and self.reading is None)

    def begin(self, reading: _Reading) -> None:
        """A reading begins: it will see whatever is finished by now."""
        self.reading = reading
        reading.sees[self.name] = self.finished

    def take(self, reading: _Reading, depth: Depth, started_s: float) -> None:
        """The reading has a result - which is old, if the queue was configured meanwhile."""
        if self.reading is reading:
            self.max_size = depth.max_size
            self._depth = depth.depth
            self._contained = reading.sees[self.name]
            self._read_s = started_s

    def end(self, reading: _Reading) -> None:
        if self.reading is reading:
            self.reading = None

    def forget(self) -> None:
        self.reading = None
        self._read_s = -math.inf
