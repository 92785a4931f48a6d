"""A running server and the model, side by side: one client that asks, waits, and looks at what is stored.

Leases end by real time. A request is never sent while a lease is about to end: the client waits until that is
over. Where a request took so long that a lease may have ended in the middle, nothing can be said about its
answer, and the example is given up (`reject`).
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from time import monotonic
from typing import Any, TypeVar

import asyncpg
from hypothesis import reject
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.conformance.client import Client
from tests.conformance.http_client import Connecting
from tests.waiting import until

from .choices import NAMED, QUEUES, SHORT_LEASE_S, Acknowledgement, Item, Run
from .model import Model
from .operations import Ack, NewMessage
from .parts import BEGINNING, QUEUE_MODE, Lease
from .stored import expected, stored

ABOUT_TO_END_S = 0.3
CLOCKS_APART_S = 0.02  # what the server's clock and ours may differ by over the life of a lease
NOBODY = "00000000-0000-4000-8000-000000000000"  # no partition and no lease has this id

_serial = count(1)
Result = TypeVar("Result")


@dataclass
class World:
    """What all examples of a run share."""

    url: str
    runner: asyncio.Runner
    connection: asyncpg.Connection
    examples: int = 0
    steps: int = 0


class Example(RuleBasedStateMachine):
    """One course of steps; the rules are in machine.py."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.client = Client(Connecting(world.url))
        self.prefix = f"{next(_serial)}-"  # of the names of queues and groups: those of no other example
        self.model = Model()
        self.clocks: list[datetime] = []  # the database's, at the end of each moment
        self.leases: list[str] = []  # all that were handed out, the oldest first
        self.handed_out: dict[tuple[str, str, str], str] = {}  # the last of each queue, partition and group
        self.gone: list[str] = []  # ids of partitions that were deleted
        self.left_behind: list[tuple[str, str]] = []  # partitions that may have been made for nothing
        self.payload = 0
        self.began_s = self.ended_s = 0.0  # of the last request
        self.sound = True  # no step has failed
        world.examples += 1
        self.look()

    # ---------------------------------------------------------------- asking, waiting, looking

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do it and wait for it."""
        return self.world.runner.run(work)

    def ask(self, request: Coroutine[Any, Any, Result]) -> Result:
        """The answer to a request that is made while no lease ends."""
        self.sound = False
        if not self._no_lease_ends():
            self.run(until(self._no_lease_ends))
        self.began_s = monotonic()
        answer = self.run(request)
        self.ended_s = monotonic()
        if any(lease.sure_until_s - CLOCKS_APART_S < self.ended_s for lease in self.model.live_leases()):
            reject()
        return answer

    def lease_of(self, lease_id: str, length_s: int) -> Lease:
        """A lease of that length from the last request."""
        return Lease(lease_id, self.began_s + length_s, self.ended_s + length_s)

    def wait_for_short_leases(self) -> None:
        """Let them run out."""
        self.run(until(lambda: self._no_lease_ends() and not self._short_leases()))

    def _short_leases(self) -> bool:
        soon_s = monotonic() + 2 * SHORT_LEASE_S
        return any(lease.sure_until_s < soon_s for lease in self.model.live_leases())

    def _no_lease_ends(self) -> bool:
        now_s = monotonic()
        self.model.expire(now_s - CLOCKS_APART_S)
        return all(lease.sure_until_s > now_s + ABOUT_TO_END_S for lease in self.model.live_leases())

    @invariant()
    def stored_as_the_model_says(self) -> None:
        """After every step."""
        self.look()
        self.world.steps += 1

    def look(self) -> None:
        """Every message, position and dead letter is as it must be. Takes the clock: here a moment ends."""
        queues = [self.prefix + queue for queue in QUEUES]
        picture, clock = self.run(stored(self.world.connection, queues))
        while self.left_behind:
            lane = self.left_behind.pop()
            if lane in picture.partitions:
                self.model.partition(*lane)
        for partition in self.model.partitions():
            lane = (partition.queue, partition.name)
            if not partition.uuid and lane in picture.partitions:
                partition.uuid = picture.partitions[lane].uuid
        difference = picture.difference(expected(self.model))
        assert not difference, "\n".join(difference)
        self.clocks.append(clock)
        self.model.moment += 1
        self.sound = True

    # ---------------------------------------------------------------- from choices to names

    def group(self, group: str) -> str:
        """Its name in this example."""
        return self.prefix + group if group == NAMED else group

    def moment(self, steps_ago: int | None) -> int:
        """The moment so many steps before this one; None: the beginning."""
        return BEGINNING if steps_ago is None else max(BEGINNING, self.model.moment - 1 - steps_ago)

    def lease(self, age: int) -> str:
        """The youngest lease (0), the one before it (1), …; nobody's where there is none."""
        return self.leases[-1 - age] if age < len(self.leases) else NOBODY

    def new_messages(self, items: Sequence[Item]) -> list[NewMessage]:
        """The messages; their payloads are numbers."""
        names: dict[tuple[str, str], list[str]] = {}  # of the messages of each partition, when all is pushed
        messages = []
        for item in items:
            queue = self.prefix + item.queue
            lane = names.setdefault((queue, item.partition), self._names_of(queue, item.partition))
            if 0 < item.again <= len(lane):
                name = lane[-item.again]
            else:
                name = "" if item.again < 0 else f"t{len(lane) + 1}"
                lane.append(name)
            self.payload += 1
            messages.append(NewMessage(queue, item.partition, name, self.payload))
        return messages

    def _names_of(self, queue: str, partition: str) -> list[str]:
        return [
            message.transaction_id
            for each in self.model.partitions()
            if (each.queue, each.name) == (queue, partition)
            for message in each.messages
        ]

    def acks_of(self, runs: Sequence[Run]) -> list[tuple[str, Ack]]:
        """The acks, with their groups."""
        return [made for run in runs for made in self._acks_of_one(run)]

    def _acks_of_one(self, run: Run) -> Iterator[tuple[str, Ack]]:
        cursors = sorted(
            (cursor.lease is None, not each.messages, each.queue, each.name, group)
            for each in self.model.partitions()
            for group, cursor in each.cursors.items()
        )
        if run.cursor < 0 or not cursors:
            partition_id = self.gone[-1] if self.gone else NOBODY
            for ack in run.acks:
                yield QUEUE_MODE, Ack(partition_id, f"t{ack.nth}", ack.status, "")
            return
        _, _, queue, name, group = cursors[run.cursor % len(cursors)]
        partition = self.model.queues[queue].partitions[name]
        read = partition.cursors[group].rule.position
        names = [
            each.transaction_id for each in (*partition.messages[read:], *reversed(partition.messages[:read]))
        ]
        for ack in run.acks:
            transaction_id = "of none" if ack.nth is None or not names else names[ack.nth % len(names)]
            lease = self._lease_for(ack, self.handed_out.get((queue, name, group), ""))
            yield group, Ack(partition.uuid, transaction_id, ack.status, lease)

    def _lease_for(self, ack: Acknowledgement, own: str) -> str:
        if ack.lease == "own":
            return own
        if ack.lease == "foreign":
            return next((lease for lease in reversed(self.leases) if lease != own), NOBODY)
        return "" if ack.lease == "none" else NOBODY
