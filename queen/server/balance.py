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

- when it is `FULL`, in two looks, it passes on as many of the connections in use as even it out with another
  worker that has room;
- when one before it can do for both (`TOGETHER`), and none behind it is in use, it passes on all in use.

A connection goes with one of its answers, when that is sent and nothing of another request was read
(`handover.py`); one that is idle stays where it is until it is used.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from socket import socket

from queen.http.connections import Connection, Connections
from queen.server.file_limit import sockets_possible
from queen.server.handover import Handover
from queen.server.loads import Loads
from queen.server.membership import Membership
from queen.server.work import Work

# Loads: shares of what a worker can do.
IN_USE = 0.05
ROOM = 0.8  # below it a worker gets connections of others,
FULL = 0.95  # and from here on others get its own
TOGETHER = 0.7  # of two workers, when one can do for both
LOST_S = 5.0  # after a client was lost, for how long we want no others
PLAN_S = 1.0  # from a look, for how long a connection may go by what was seen


class Balance:
    """One worker's part in it. `clock`, in seconds, is the same in all processes."""

    def __init__(
        self,
        membership: Membership,
        connections: Connections,
        work: Work,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._membership = membership
        self._connections = connections
        self._most_clients = min(connections.max_clients, sockets_possible())
        self._work = work
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._loads = Loads(membership, clock)
        self._handover = Handover(membership)
        self._takes_part = False
        self._lost_s = -math.inf  # when a client was lost for want of a descriptor

    @contextmanager
    def running(self, take: Callable[[socket], None]) -> Iterator[None]:
        """Take part inside the block; `take` goes on with another worker's client. Raises `UserError`."""

        def receive(client: socket | None) -> None:
            if client is not None:
                take(client)
            else:
                self._lost_s = self._clock()
                self.tell()

        with self._handover.receiving(receive):
            self._takes_part = True
            self.tell()
            try:
                yield
            finally:
                self._takes_part = False
                self._loads.leave()

    def tell(self) -> None:
        """Let the others know our load as it is now, as long as we take part."""
        if self._takes_part:
            self._loads.tell(min(self._load(), 1.0))

    def welcome(self, connection: Connection) -> None:
        """A client has had its first answer: see whose it is when it comes again."""
        self.tell()
        connection.after_answer(self._pass_to_first)

    def look(self) -> None:
        """See what our load is, tell the others, and pass on what is better elsewhere."""
        elapsed_s = self._work.look()
        if elapsed_s is None:
            return
        self.tell()
        loads = [self._loads.of(number) for number in range(self._membership.workers)]
        plan = self._sharing(loads) or self._coming_together(loads)
        if plan is not None:
            self._pass_on(*plan, elapsed_s)

    def _sharing(self, loads: Sequence[float]) -> tuple[int, float] | None:
        """To which worker to pass on which share of the connections in use, when we are full.

        Of several that are full each takes another one that has room, as far as there are others.
        """
        load = max(self._work.lasting, self._clients())
        full = [number for number, theirs in enumerate(loads) if FULL <= theirs < math.inf]
        roomy = [number for number, theirs in enumerate(loads) if theirs < ROOM]
        if load < FULL or not roomy or self._membership.worker_id not in full:
            return None
        place = full.index(self._membership.worker_id) % len(roomy)
        to = roomy[place]
        givers = len(full[place :: len(roomy)])
        return to, (load - loads[to]) / ((givers + 1) * load)

    def _coming_together(self, loads: Sequence[float]) -> tuple[int, float] | None:
        """The same, of all, when one worker before us can do for both and none behind us is in use."""
        worker_id = self._membership.worker_id
        if any(IN_USE <= theirs < math.inf for theirs in loads[worker_id + 1 :]):
            return None
        can = (number for number in range(worker_id) if loads[number] + self._load() <= TOGETHER)
        to = next(can, None)
        return None if to is None else (to, 1.0)

    def _load(self) -> float:
        lost = self._clock() - self._lost_s < LOST_S
        return max(self._work.now, self._clients(), float(lost))

    def _clients(self) -> float:
        return len(self._connections.open) / self._most_clients

    def _pass_on(self, to: int, share: float, within_s: float) -> None:
        """A share of the connections that were in use within that time, each with one of its answers."""
        since_s = self._loop.time() - within_s
        used = [each for each in self._connections.open if each.used_s >= since_s]
        until_s = self._clock() + PLAN_S
        for connection in random.sample(used, round(share * len(used))):
            connection.after_answer(partial(self._pass_by_plan, to, until_s))

    def _pass_by_plan(self, to: int, until_s: float, connection: Connection) -> None:
        in_time = self._clock() < until_s and self._loads.of(to) < ROOM
        if in_time and not self._pass(to, connection):
            connection.after_answer(partial(self._pass_by_plan, to, until_s))

    def _pass_to_first(self, connection: Connection) -> None:
        """Pass on a client that has come again, unless it is ours."""
        for number in range(self._membership.workers):
            if self._loads.of(number) < ROOM:
                if number != self._membership.worker_id and not self._pass(number, connection):
                    connection.after_answer(self._pass_to_first)
                return

    def _pass(self, to: int, connection: Connection) -> bool:
        descriptor = connection.descriptor
        if descriptor is None or not self._handover.send(to, descriptor):
            return False
        connection.let_go()
        self._connections.moved += 1
        return True
