"""One client of a running server, step by step beside the model. What differs fails the step.

Leases end by real time. A step never begins while a lease is about to end: it waits until that is over. Where
a step took so long that a lease may have ended in the middle, nothing can be said about its answer, and the
example is given up (`reject`).
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from time import monotonic
from typing import Any, TypeVar

import asyncpg
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.conformance import answers as told
from tests.conformance.client import Client, Queue
from tests.waiting import until

from . import choices
from .checks import Transacted, check_ack, check_message, check_push, check_transaction, same
from .choices import GROUPS, NAMED_GROUPS, PARTITIONS, QUEUES, SHORT, Acknowledgement, Item, Run, Start
from .model import STATUSES, Ack, Model, NewMessage, Pop
from .parts import BEGINNING, QUEUE_MODE, Lease, Options
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


class QueueMachine(RuleBasedStateMachine):
    """Rules are what a client can do; each compares the answer with the model's."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.client = Client(world.url)
        self.prefix = f"{next(_serial)}-"  # of the names of queues and groups: those of no other example
        self.model = Model()
        self.clocks: list[datetime] = []  # the database's, at the end of each moment
        self.leases: list[str] = []  # all that were handed out, the oldest first
        self.handed_out: dict[tuple[str, str, str], str] = {}  # the last one of each partition and group
        self.gone: list[str] = []  # ids of partitions that were deleted
        self.payload = 0
        self.run_outs = 0
        self.began_s = self.ended_s = 0.0  # of the last request
        self.sound = True
        world.examples += 1
        self.stored_as_the_model_says()

    # ---------------------------------------------------------------- asking

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.world.runner.run(work)

    def _ask(self, request: Coroutine[Any, Any, Result]) -> Result:
        """The answer to a request that is made while no lease ends. Gives the example up if one may have."""
        self.sound = False
        if any(lease.sure_until_s < monotonic() + ABOUT_TO_END_S for lease in self.model.live_leases()):
            self._run(until(self._no_lease_ends))
        self.began_s = monotonic()
        answer = self._run(request)
        self.ended_s = monotonic()
        if any(lease.sure_until_s - CLOCKS_APART_S < self.ended_s for lease in self.model.live_leases()):
            reject()
        return answer

    def _no_lease_ends(self) -> bool:
        now_s = monotonic()
        self.model.expire(now_s - CLOCKS_APART_S)
        return all(lease.sure_until_s > now_s + ABOUT_TO_END_S for lease in self.model.live_leases())

    def _lease_of(self, lease_id: str, length_s: int) -> Lease:
        """A lease of that length from the last request."""
        return Lease(lease_id, self.began_s + length_s, self.ended_s + length_s)

    @invariant()
    def stored_as_the_model_says(self) -> None:
        picture, clock = self._run(stored(self.world.connection, [self.prefix + queue for queue in QUEUES]))
        for partition in self.model.partitions():
            if not partition.uuid and (partition.queue, partition.name) in picture.partitions:
                partition.uuid = picture.partitions[partition.queue, partition.name].uuid
        difference = picture.difference(expected(self.model))
        assert not difference, "\n".join(difference)
        self.clocks.append(clock)
        self.model.moment += 1
        self.world.steps += 1
        self.sound = True

    # ---------------------------------------------------------------- push and pop

    @rule(items=choices.items)
    def push(self, items: list[Item]) -> None:
        sent = self._new_messages(items)
        said = self._ask(self.client.push(*map(_push_item, sent)))
        for answer, due in zip(said, self.model.push(sent), strict=True):
            check_push(answer, due)

    @rule(
        queue=st.sampled_from(QUEUES),
        partition=st.none() | st.sampled_from(PARTITIONS),
        group=st.sampled_from(GROUPS),
        batch=st.integers(1, 6),
        partitions=st.integers(1, 4),
        auto_ack=st.sampled_from((False, False, False, True)),
        wait=st.sampled_from((False, False, False, True)),
        start=choices.starts,
    )
    def pop(
        self,
        queue: str,
        partition: str | None,
        group: str,
        batch: int,
        partitions: int,
        auto_ack: bool,
        wait: bool,
        start: Start,
    ) -> None:
        since = self._moment(start.steps_ago)
        query: dict[str, object] = {"batch": batch, "partitions": partitions}
        query |= {"autoAck": True} if auto_ack else {}
        query |= {"wait": True, "timeout": 10} if wait else {}
        query |= {"subscriptionMode": start.mode} if start.mode else {}
        query |= {"subscriptionFrom": start.since} if start.since else {}
        if start.since == "past":
            query |= {"subscriptionFrom": self.clocks[since].isoformat()}
        most = partitions if partition is None else 1
        self._pop(Pop(self.prefix + queue, partition, self._group(group), batch, most, since), query)

    def _pop(self, asked: Pop, query: dict[str, object]) -> int:
        if asked.group in map(self._group, NAMED_GROUPS):
            query |= {"consumerGroup": asked.group}
        answer = self._ask(Queue(self.client, asked.queue).pop_answer(asked.partition, **query))
        if answer.status == 204:
            self.model.pop(asked, [], None)
            return 0
        delivery = answer.as_(told.Delivery)
        taken: dict[str, int] = {}
        for message in delivery.messages:
            taken[message.partition] = taken.get(message.partition, 0) + 1
        same("partitions claimed", delivery.partitions_claimed, len(taken))
        lease = None
        if "autoAck" not in query:
            lease = self._lease_of(delivery.lease_id, self.model.queues[asked.queue].options.lease_s)
            self.leases.append(lease.id)
        for message, due in zip(
            delivery.messages, self.model.pop(asked, list(taken.items()), lease), strict=True
        ):
            check_message(message, due, delivery.lease_id, asked.group)
            if lease is not None:
                self.handed_out[asked.queue, due.partition.name, asked.group] = lease.id
        return len(delivery.messages)

    # ---------------------------------------------------------------- ack and transaction

    @rule(runs=choices.runs, stranger=st.sampled_from((False,) * 7 + (True,)), alone=st.booleans())
    def ack(self, runs: list[Run], stranger: bool, alone: bool) -> None:
        made = self._acks(runs)
        group = "stranger" if stranger else made[0][0]
        acks = [ack for of, ack in made if of == made[0][0]]
        if alone and len(acks) == 1:
            said = [self._ask(self.client.ack_one(_ack_item(acks[0]), group))]
        else:
            said = self._ask(self.client.ack(*map(_ack_item, acks), group=group))
        for answer, due in zip(said, self.model.ack(group, acks), strict=True):
            check_ack(answer, due)

    @rule(
        items=st.just([]) | choices.items,
        runs=choices.runs,
        acks_first=st.booleans(),
        required=st.lists(st.integers(0, 3), max_size=2),
    )
    def transaction(self, items: list[Item], runs: list[Run], acks_first: bool, required: list[int]) -> None:
        sent, acks = self._new_messages(items), self._acks(runs)
        leases = [self._lease(age) for age in required]
        pushes = [{"type": "push", "items": [*map(_push_item, sent)]}] if sent else []
        others = [{"type": "ack", **_ack_item(ack), "consumerGroup": group} for group, ack in acks]
        body = {
            "operations": [*others, *pushes] if acks_first else [*pushes, *others],
            "requiredLeases": leases,
        }
        said = self._ask(self.client.post("/api/v1/transaction", body)).as_(Transacted)
        if any(ack.status not in STATUSES for _, ack in acks):
            same("unknown status", (said.success, said.results), (False, []))
            return
        due = self.model.transact(sent, acks, leases)
        if due is None:
            check_transaction(said, None)
        else:
            stored_items, acked = due
            check_transaction(said, [*acked, *stored_items] if acks_first else [*stored_items, *acked])

    # ---------------------------------------------------------------- leases

    @rule(age=st.integers(0, 3), seconds=st.sampled_from((None, 1, 600)))
    def extend(self, age: int, seconds: int | None) -> None:
        lease = self._lease(age)
        body = None if seconds is None else {"seconds": seconds}
        said = self._ask(self.client.post(f"/api/v1/lease/{lease}/extend", body)).as_(told.Extended)
        held, lived = self.model.extend(lease, self._lease_of(lease, seconds or 60))
        same("extended", (said.lease_id, said.success, said.renewed), (lease, lived > 0, lived))
        error = None if lived else "Lease already expired" if held else "Lease not found"
        same("error", said.error, error)

    @precondition(lambda self: self.run_outs < 1 and self._short_leases())
    @rule()
    def let_short_leases_run_out(self) -> None:
        self.run_outs += 1
        self._run(until(lambda: self._no_lease_ends() and not self._short_leases()))

    def _short_leases(self) -> bool:
        soon_s = monotonic() + 2 * choices.SHORT_LEASE_S
        return any(lease.sure_until_s < soon_s for lease in self.model.live_leases())

    # ---------------------------------------------------------------- queues

    @initialize()
    def make_short_leases(self) -> None:
        self.configure(SHORT, Options())

    @rule(queue=st.sampled_from(QUEUES), options=choices.options)
    def configure(self, queue: str, options: Options) -> None:
        if queue == SHORT:
            options = replace(options, lease_s=choices.SHORT_LEASE_S)
        asked: dict[str, object] = {"leaseTime": options.lease_s, "retryLimit": options.retry_limit}
        asked |= {"delayedProcessing": 3600} if options.holds_back else {}
        name = self.prefix + queue
        said = self._ask(Queue(self.client, name).configure(**asked))
        partition = self.model.configure(name, options)
        partition.uuid = partition.uuid or said.partition_id
        same("configured", (said.queue, said.partition_id), (name, partition.uuid))

    # ---------------------------------------------------------------- the end

    def teardown(self) -> None:
        """If all went well: what is left is delivered to every group."""
        if not self.sound:
            return
        for queue, group in list(self.model.groups):
            asked = Pop(queue, None, group, 1000, 100)
            self._pop(asked, {"batch": asked.batch, "partitions": asked.partitions})
        self.stored_as_the_model_says()

    # ---------------------------------------------------------------- from choices to names

    def _group(self, group: str) -> str:
        return self.prefix + group if group in NAMED_GROUPS else group

    def _moment(self, steps_ago: int | None) -> int:
        """The moment so many steps before this one; None: the beginning."""
        return BEGINNING if steps_ago is None else max(BEGINNING, self.model.moment - 1 - steps_ago)

    def _lease(self, age: int) -> str:
        return self.leases[-1 - age] if age < len(self.leases) else NOBODY

    def _new_messages(self, items: Sequence[Item]) -> list[NewMessage]:
        names: dict[tuple[str, str], list[str]] = {}  # of the messages of each partition, when all is pushed
        messages = []
        for item in items:
            queue = self.prefix + item.queue
            lane = names.setdefault((queue, item.partition), self._names_of(queue, item.partition))
            known = lane[-item.again] if 0 < item.again <= len(lane) else None
            if known is None:
                lane.append("" if item.again < 0 else f"t{len(lane) + 1}")
            self.payload += 1
            messages.append(
                NewMessage(queue, item.partition, lane[-1] if known is None else known, self.payload)
            )
        return messages

    def _names_of(self, queue: str, partition: str) -> list[str]:
        if queue in self.model.queues and partition in self.model.queues[queue].partitions:
            return [each.transaction_id for each in self.model.queues[queue].partitions[partition].messages]
        return []

    def _acks(self, runs: Sequence[Run]) -> list[tuple[str, Ack]]:
        """The acks with their groups."""
        return [made for run in runs for made in self._acks_of(run)]

    def _acks_of(self, run: Run) -> Iterator[tuple[str, Ack]]:
        cursors = sorted(
            (cursor.live is None, each.queue, each.name, group)
            for each in self.model.partitions()
            for group, cursor in each.cursors.items()
        )
        if run.cursor < 0 or not cursors:
            gone = self.gone[run.cursor % len(self.gone)] if self.gone else NOBODY
            for ack in run.acks:
                yield QUEUE_MODE, Ack(gone, f"t{ack.ahead}", ack.status, "")
            return
        _, queue, name, group = cursors[run.cursor % len(cursors)]
        partition = self.model.queues[queue].partitions[name]
        for ack in run.acks:
            place = partition.cursors[group].rule.position + ack.ahead
            message = partition.messages[place - 1] if 0 < place <= len(partition.messages) else None
            yield (
                group,
                Ack(
                    partition.uuid,
                    f"no-{place}" if message is None else message.transaction_id,
                    ack.status,
                    self._lease_for(ack, queue, name, group),
                ),
            )

    def _lease_for(self, ack: Acknowledgement, queue: str, partition: str, group: str) -> str:
        own = self.handed_out.get((queue, partition, group), "")
        if ack.lease == "own":
            return own
        if ack.lease == "foreign":
            return next((lease for lease in reversed(self.leases) if lease != own), NOBODY)
        return "" if ack.lease == "none" else NOBODY


def _push_item(message: NewMessage) -> dict[str, object]:
    named = {"transactionId": message.transaction_id} if message.transaction_id else {}
    return {"queue": message.queue, "partition": message.partition, "payload": message.payload, **named}


def _ack_item(ack: Ack) -> dict[str, object]:
    named: dict[str, object] = {"leaseId": ack.lease} if ack.lease else {}
    return {
        "transactionId": ack.transaction_id,
        "partitionId": ack.partition_id,
        "status": ack.status,
        **named,
    }
