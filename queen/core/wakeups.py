"""Who waits for messages, and who is woken: long polls park here, without a database connection.

A waiter registers *before* it looks into the store, so a push that commits in between is not missed; or it
has looked before, and looks again if anything was heard of its queue meanwhile (`changed_since`). One that
joins a line whose first has looked and is parked knows as much as that one, without a look (`settled`).

A wake-up is only a hint to look again; a lost or a superfluous one costs time, never a message. Of each
group as many waiters are woken as partitions changed: more would only find them taken. A wake-up that its
waiter does not use (it leaves, or its look fails) goes to the next in line.

What changes here is also announced to the other server processes; what they announce wakes ours. They are
told when somebody begins to wait here, and tell what changed since they last told anything: so a change that
is made while they do not know yet is not missed either.

What nobody announces (a lease that runs out, a delayed message that falls due) is looked for on behalf of
the first in line of each (queue, group, partition) only; when it leaves, the next in line is woken, looks
and takes over. The first in line looks when its last look said that something falls due. Beyond that the
store is asked once a second whether there is something to look for (`queen.core.watching`): for all lines
together, and the answer says when, also of what falls due before the next question. A line whose group or
partition has no id yet looks once a second itself (`queen.core.pop.FALLBACK_POLL_S`).

So the end of every lease is noticed at once, although nobody says that a lease was taken: leases last
whole seconds, at least one. Between the taking of a lease and its end lies at least one question, and its
answer says when the lease ends - unless the end is farther away than the next question, which then says it.
An extension only moves the end away: the look at the old end says the new one. The same holds for a message
that is delayed, or held back by a window: its push is announced, or else the question after it, less than a
second later, has the first in line look, and that look says when it falls due. An ack that ends a lease
before its time is announced. A group or a partition that is deleted by whoever does not announce it is
something to look for, too: the look finds it or makes it anew.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

from queen.core.notices import Announcer, Change, Silence
from queen.core.store import Place

_MOST_QUEUES = 100_000  # of which it is known when something was last heard


class Waiter:
    """One parked long poll of a group on a queue; `partition` None: any partition.

    `place`: where it waits, by the store's ids, if it leads its line and they are known.
    """

    __slots__ = ("_alarm", "_event", "_parked", "group", "partition", "place", "queue")

    def __init__(self, queue: str, group: str, partition: str | None) -> None:
        self.queue = queue
        self.group = group
        self.partition = partition
        self.place: Place | None = None
        self._event = asyncio.Event()
        self._parked = False
        self._alarm: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Have it look again."""
        self._event.set()

    def wake_in(self, seconds: float) -> None:
        """Have it look after that time, unless it looks before: then that look says what comes next."""
        if seconds <= 0:
            self.wake()
            return
        self.forget_alarm()
        self._alarm = asyncio.get_running_loop().call_later(seconds, self.wake)

    def forget_alarm(self) -> None:
        """Take back `wake_in`."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    @property
    def woken(self) -> bool:
        """Whether it has a wake-up that it has not used."""
        return self._event.is_set()

    @property
    def settled(self) -> bool:
        """Whether it is parked and knows that there is nothing: it has no wake-up to look again."""
        return self._parked and not self.woken

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Around a look: uses the wake-ups that came before it; a look that fails has used none."""
        woken = self.woken
        self._event.clear()
        self.forget_alarm()
        try:
            yield
        except BaseException:
            if woken:
                self.wake()
            raise

    async def wait(self, timeout_s: float, *, unsure: bool = False) -> None:
        """Until woken or for `timeout_s`. `unsure`: its look did not get to see everything."""
        self._parked = not unsure
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            pass
        finally:
            self._parked = False


Line = deque[Waiter]
Lines = dict[tuple[str, str | None], Line]


class Wakeups:
    """All parked polls of this process, first come first woken."""

    def __init__(self, announcer: Announcer | None = None) -> None:
        self._waiting: dict[str, Lines] = {}  # queue → (group, partition or None) → waiters
        self._announcer = announcer or Silence()
        self._closed = False
        self._now = 0  # counts what was heard
        self._heard: dict[str, int] = {}  # queue → the last of it
        self._heard_of_any = 0  # the last that was not of one queue

    @property
    def parked(self) -> int:
        """Polls that wait now."""
        return sum(len(line) for line in self._lines())

    @property
    def waiting(self) -> bool:
        """Whether any poll waits."""
        return bool(self._waiting)

    @property
    def closed(self) -> bool:
        """Whether the server drains: nobody waits any more."""
        return self._closed

    @property
    def now(self) -> int:
        """The present moment, for `changed_since`."""
        return self._now

    def changed_since(self, queue: str, moment: int) -> bool:
        """Whether anything was heard of the queue after that moment, which makes a look of then too old.

        Always when the server drains: nobody would be woken any more.
        """
        return self._closed or max(self._heard.get(queue, 0), self._heard_of_any) > moment

    def settled(self, queue: str, group: str, partition: str | None) -> bool:
        """Whether there is a line whose first is parked: who joins it now need not look.

        Not while notices of other processes do not arrive: then each look tells something new.
        """
        line = self._waiting.get(queue, {}).get((group, partition))
        return line is not None and line[0].settled and self._announcer.listening

    def join(self, queue: str, group: str, partition: str | None) -> Waiter:
        """Register a waiter; `leave` must follow."""
        if not self._waiting:
            self._announcer.expect()
        waiter = Waiter(queue, group, partition)
        self._waiting.setdefault(queue, {}).setdefault((group, partition), deque()).append(waiter)
        return waiter

    def leads(self, waiter: Waiter) -> bool:
        """Whether it is the first in line."""
        return self._waiting[waiter.queue][waiter.group, waiter.partition][0] is waiter

    def watched(self) -> list[tuple[Waiter, Place]]:
        """Of each line that has a place in the store, the first waiter."""
        return [(line[0], line[0].place) for line in self._lines() if line[0].place is not None]

    def leave(self, waiter: Waiter) -> None:
        """Take a waiter out. Its lead, and a wake-up that it got and did not use, go to the next one."""
        waiter.forget_alarm()
        lines = self._waiting[waiter.queue]
        line = lines[waiter.group, waiter.partition]
        led = line[0] is waiter
        line.remove(waiter)
        if led or waiter.woken:
            _wake_first(line, 1)
        if not line:
            del lines[waiter.group, waiter.partition]
            if not lines:
                del self._waiting[waiter.queue]

    def wake(self, queue: str, partitions: AbstractSet[str] | None, group: str | None = None) -> None:
        """These partitions of the queue (None: any) may have something, for all groups or for one.

        Here and elsewhere.
        """
        change = Change(queue, group, None if partitions is None else frozenset(partitions))
        self.hear(change)
        self._announcer.announce(change)

    def hear(self, change: Change) -> None:
        """The same, of this process only."""
        self._now += 1
        if len(self._heard) >= _MOST_QUEUES and change.queue not in self._heard:
            self._forget_queues()
        self._heard[change.queue] = self._now
        for (group, partition), line in self._waiting.get(change.queue, {}).items():
            if change.group is not None and group != change.group:
                continue
            if change.partitions is None:
                _wake_first(line, len(line))
            elif partition is None:
                _wake_first(line, len(change.partitions))
            elif partition in change.partitions:
                _wake_first(line, 1)

    def hear_anything(self) -> None:
        """Anything may have changed: the first of each line looks.

        One that finds something leaves, and has its successor look: so all that there is gets found, and
        thousands of polls do not rush at a database that has just come back.
        """
        self._now += 1
        self._forget_queues()
        for line in self._lines():
            _wake_first(line, 1)

    def close(self) -> None:
        """Wake everybody, for good: the server drains."""
        self._closed = True
        self._now += 1
        self._forget_queues()
        for line in self._lines():
            _wake_first(line, len(line))

    def _forget_queues(self) -> None:
        self._heard.clear()
        self._heard_of_any = self._now

    def _lines(self) -> Iterator[Line]:
        for lines in self._waiting.values():
            yield from lines.values()


def _wake_first(line: Line, most: int) -> None:
    for waiter in line:
        if most <= 0:
            return
        if not waiter.woken:
            waiter.wake()
            most -= 1
