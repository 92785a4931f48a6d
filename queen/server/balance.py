"""Which worker serves a client: the first that has room, as HAProxy's `balance first` has it.

Calls of the database are shared by the requests that one worker has at a time (core/sharing.py), so dealing
the clients out makes each call smaller: two workers that have half of them each need twice as many calls,
which wait for each other's locks. Another worker is worth that only when no more is to be had of those
before it: when the processor time of its thread is taken, or its share of the pool, or its MAX_CLIENTS. A
worker that is short of processors because others use them, too, is not full by that: one more process
would not get more of them.

The kernel deals new connections to all workers (SO_REUSEPORT). A client that comes again, with its second
request, is passed on if another worker is the first that has room; one that comes once is not worth it. And
about once a second each worker looks at itself:

- when it is `FULL`, in two looks, it passes on as many of the connections in use as even it out with the
  first other worker that has room;
- when one before it can do for both (`TOGETHER`), and none behind it is in use, it passes on all in use.

A connection goes with one of its answers, when that is sent and nothing of another request was read
(`handover.py`); one that is idle stays where it is until it is used.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from socket import socket

from queen.http.connections import Connection, Connections
from queen.server.handover import Handover
from queen.server.loads import Loads
from queen.server.membership import Membership

# Loads: shares of what a worker can do. The processor time of a thread reaches 1 only when it never waits.
IN_USE = 0.05
ROOM = 0.8  # below it a worker gets connections of others,
FULL = 0.95  # and from here on others get its own
TOGETHER = 0.7  # of two workers, when one can do for both
LOOK_S = 0.5  # between two looks at least
PLAN_S = 1.0  # from a look, for how long a connection may go by what was seen


class Balance:
    """One worker's part in it.

    `demand_s`: time integral of the clients of the pool, those that wait included, over its connections;
    `used_s`: the processor time of this thread; `clock`: the same in all processes. All in seconds.
    """

    def __init__(
        self,
        membership: Membership,
        connections: Connections,
        demand_s: Callable[[], float],
        used_s: Callable[[], float] = time.thread_time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._membership = membership
        self._connections = connections
        self._demand_s = demand_s
        self._used_s = used_s
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._loads = Loads(membership, clock)
        self._handover = Handover(membership)
        self._takes_part = False
        self._looked_s = clock()
        self._seen_demand_s, self._seen_used_s = demand_s(), used_s()  # at the last look
        self._work = self._work_before = 0.0  # of the processor and the pool, at the last two looks

    @contextmanager
    def running(self, take: Callable[[socket], None]) -> Iterator[None]:
        """Take part inside the block; `take` goes on with another worker's client. Raises `UserError`."""

        def receive(client: socket | None) -> None:
            if client is None:  # no descriptor was to be had for it
                self._work = 1.0
            else:
                take(client)
            self._tell()

        with self._handover.receiving(receive):
            self._takes_part = True
            self._tell()
            try:
                yield
            finally:
                self._takes_part = False
                self._loads.leave()

    def welcome(self, connection: Connection) -> None:
        """A client has had its first answer: see whose it is when it comes again."""
        connection.after_answer(self._seat)

    def look(self) -> None:
        """See what our load is, tell the others, and pass on what is better elsewhere."""
        elapsed_s = self._clock() - self._looked_s
        if elapsed_s < LOOK_S:
            return
        self._looked_s += elapsed_s
        self._work_before, self._work = self._work, self._measure(elapsed_s)
        load = self._tell()
        if min(self._work_before, self._work) >= FULL or self._clients() >= FULL:
            for to in self._membership.others:
                theirs = self._loads.of(to)
                if theirs < ROOM:
                    self._pass_on(to, (load - theirs) / (2 * load), elapsed_s)
                    return
        elif all(self._loads.of(number) < IN_USE or self._is_gone(number) for number in self._behind()):
            for to in range(self._membership.worker_id):
                if self._loads.of(to) + load <= TOGETHER:
                    self._pass_on(to, 1.0, elapsed_s)
                    return

    def _measure(self, elapsed_s: float) -> float:
        demand_s, used_s = self._demand_s(), self._used_s()
        demand = (demand_s - self._seen_demand_s) / elapsed_s
        used = (used_s - self._seen_used_s) / elapsed_s
        self._seen_demand_s, self._seen_used_s = demand_s, used_s
        pool = demand if demand > 1 else ROOM * demand  # there is room until somebody waits
        return min(max(pool, used), 1.0)

    def _clients(self) -> float:
        return len(self._connections.open) / self._connections.max_clients

    def _tell(self) -> float:
        """Let the others know our load, as long as we take part."""
        load = max(self._work, self._clients())
        if self._takes_part:
            self._loads.tell(load)
        return load

    def _behind(self) -> range:
        return range(self._membership.worker_id + 1, self._membership.workers)

    def _is_gone(self, worker_id: int) -> bool:
        return self._loads.of(worker_id) == math.inf

    def _pass_on(self, to: int, share: float, within_s: float) -> None:
        """A share of the connections that were in use within that time, each with one of its answers."""
        since_s = self._loop.time() - within_s
        used = [each for each in self._connections.open if each.used_s >= since_s]
        for connection in random.sample(used, round(share * len(used))):
            connection.after_answer(partial(self._move, to, self._looked_s + PLAN_S))

    def _move(self, to: int, until_s: float, connection: Connection) -> None:
        in_time = self._clock() < until_s and self._loads.of(to) < ROOM
        if in_time and not self._pass(to, connection):
            connection.after_answer(partial(self._move, to, until_s))

    def _seat(self, connection: Connection) -> None:
        """Pass on a client that has come again, unless it is ours."""
        for number in range(self._membership.workers):
            if self._loads.of(number) < ROOM:
                if number != self._membership.worker_id and not self._pass(number, connection):
                    connection.after_answer(self._seat)
                return

    def _pass(self, to: int, connection: Connection) -> bool:
        descriptor = connection.descriptor
        if descriptor is None or not self._handover.send(to, descriptor):
            return False
        connection.let_go()
        self._connections.moved += 1
        return True
