"""The queue as a specification: what each operation does and answers, in pure Python.

No HTTP, no SQL, no clock of its own: whoever runs it tells it the moment (`moment`, see parts.py) and, by
`expire`, the time. Where the server may choose (ids, and which partitions a pop takes) the model is told what
was chosen, refuses what is not allowed, and goes on from there. The ack rule is `tests.postgres.ack_model`.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.postgres.ack_model import AckModel, ModelItem

from .operations import Ack, Acked, Delivered, NewMessage, Pop, Stored
from .parts import BEGINNING, Cursor, DeadLetter, Lease, Message, Options, Partition, Queue, Subscription

STATUSES = frozenset({"completed", "success", "failed", "retry", "dlq"})


class Illegal(AssertionError):
    """The server did what it must not do."""


@dataclass
class Model:
    """All queues and groups."""

    moment: int = BEGINNING
    queues: dict[str, Queue] = field(default_factory=dict)
    groups: dict[tuple[str, str], Subscription] = field(default_factory=dict)  # by (queue, group)

    # ---------------------------------------------------------------- what exists

    def partitions(self) -> Iterator[Partition]:
        """Every partition."""
        for queue in self.queues.values():
            yield from queue.partitions.values()

    def cursors(self) -> Iterator[Cursor]:
        """Every cursor."""
        for partition in self.partitions():
            yield from partition.cursors.values()

    def partition(self, queue: str, name: str) -> Partition:
        """The partition; it is made, and its queue too, if need be. Groups start at its beginning."""
        partitions = self.queues.setdefault(queue, Queue()).partitions
        if name not in partitions:
            partitions[name] = Partition(queue, name)
            for of, group in self.groups:
                if of == queue and self.groups[of, group].active:
                    partitions[name].cursors[group] = self._cursor(partitions[name], BEGINNING)
        return partitions[name]

    def configure(self, queue: str, options: Options) -> Partition:
        """Make the queue or set every option anew. The default partition always exists then."""
        self.queues.setdefault(queue, Queue()).options = options
        return self.partition(queue, "Default")

    def register(self, queue: str, group: str, start: int) -> None:
        """At its first contact a group starts at `start`; later ones change nothing.

        A group that was deleted without its subscription starts again where that says.
        """
        subscription = self.groups.setdefault((queue, group), Subscription(start, active=False))
        if subscription.active:
            return
        subscription.active = True
        for partition in self._partitions_of(queue).values():
            partition.cursors[group] = self._cursor(partition, partition.position_at(subscription.start))

    # ---------------------------------------------------------------- push and pop

    def push(self, items: Sequence[NewMessage]) -> list[Stored]:
        """The next position for each, in order; what is known by its transactionId is a duplicate."""
        return [self._push(item) for item in items]

    def _push(self, item: NewMessage) -> Stored:
        partition = self.partition(item.queue, item.partition)
        known = partition.position_of(item.transaction_id) if item.transaction_id else None
        if known is not None:
            return Stored(partition, partition.messages[known - 1], duplicate=True)
        message = Message(item.transaction_id, item.payload, self.moment)
        partition.messages.append(message)
        return Stored(partition, message, duplicate=False)

    def visible(self, queue: str, group: str, partition: str | None = None) -> dict[str, int]:
        """How many messages a pop may take of each partition: none where a lease lives or all is read."""
        if queue not in self.queues or self.queues[queue].options.holds_back:
            return {}
        return {
            each.name: len(each.messages) - each.cursors[group].rule.position
            for each in self._partitions_of(queue).values()
            if partition in (None, each.name)
            and group in each.cursors
            and each.cursors[group].live is None
            and len(each.messages) > each.cursors[group].rule.position
        }

    def pop(self, asked: Pop, taken: Sequence[tuple[str, int]], lease: Lease | None) -> list[Delivered]:
        """The delivery, if the server took so many messages of those partitions. `lease` None: auto-ack.

        It takes as much as it may: of each partition all that the batch has room for, and no fewer
        partitions than were asked for while one is left. Raises `Illegal`.
        """
        self.register(asked.queue, asked.group, asked.start)
        visible = self.visible(asked.queue, asked.group, asked.partition)
        left = asked.batch
        delivered: list[Delivered] = []
        for partition, count in taken:
            if count != min(left, visible.pop(partition, 0)):
                raise Illegal(f"{asked}: took {taken}; {partition} had another number to give")
            left -= count
            delivered += self._hand_out(
                self.queues[asked.queue].partitions[partition], asked.group, count, lease
            )
        if len(taken) > asked.partitions:
            raise Illegal(f"{asked}: took {taken}, more partitions than asked for")
        if left and visible and len(taken) < asked.partitions:
            raise Illegal(f"{asked}: took only {taken}; {visible} were left")
        return delivered

    def _hand_out(self, partition: Partition, group: str, count: int, lease: Lease | None) -> list[Delivered]:
        cursor = partition.cursors[group]
        rule = self._rule(partition, group)
        attempts = dict(rule.attempts)
        positions = rule.pop(count)
        expiries = rule.expiries
        cursor.lease = copy.copy(lease)
        if lease is None:
            rule.ack([ModelItem(positions[-1], "completed", "live")])
        return [
            Delivered(partition, partition.messages[each - 1], attempts.get(each, 0), expiries)
            for each in positions
        ]

    # ---------------------------------------------------------------- ack and transaction

    def ack(self, group: str, acks: Sequence[Ack]) -> list[Acked]:
        """The answers in the order of the items; the rule is applied to each partition by itself."""
        answers = {
            index: Acked("unknown status") for index, ack in enumerate(acks) if ack.status not in STATUSES
        }
        by_partition: dict[str, list[int]] = {}
        for index, ack in enumerate(acks):
            if index not in answers:
                by_partition.setdefault(ack.partition_id, []).append(index)
        for partition_id, indices in by_partition.items():
            given = [acks[index] for index in indices]
            answers |= zip(indices, self._ack_partition(partition_id, group, given), strict=True)
        return [answers[index] for index in range(len(acks))]

    def _ack_partition(self, partition_id: str, group: str, acks: Sequence[Ack]) -> list[Acked]:
        partition = next((each for each in self.partitions() if each.uuid == partition_id), None)
        if partition is None:
            return [Acked("unresolved") for _ in acks]
        positions = [partition.position_of(ack.transaction_id) for ack in acks]
        if group not in partition.cursors:
            return [
                Acked("unresolved" if position is None else "unregistered", partition=partition)
                for position in positions
            ]
        cursor = partition.cursors[group]
        rule = self._rule(partition, group)
        items = [
            ModelItem(position or rule.head + 1, ack.status, _fence(ack.lease, cursor))
            for ack, position in zip(acks, positions, strict=True)
        ]
        outcomes, released = rule.ack(items)
        cursor.forget_ended_lease()
        dead = self._bury(partition, group, rule)
        return [
            Acked(
                outcome,
                dead=item.position in dead
                and item.status in ("failed", "dlq")
                and outcome in ("done", "returned"),
                released=released,
                partition=partition,
            )
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    def _bury(self, partition: Partition, group: str, rule: AckModel) -> Mapping[int, int]:
        dead = dict(rule.dead)
        rule.dead.clear()
        letters = (DeadLetter(partition.name, group, position, count) for position, count in dead.items())
        self.queues[partition.queue].dead.extend(letters)
        return dead

    def transact(
        self, items: Sequence[NewMessage], acks: Sequence[tuple[str, Ack]], required: Sequence[str]
    ) -> tuple[list[Stored], list[Acked]] | None:
        """All pushes, then all acks, those of one group together; or nothing when an ack is refused.

        None: a required lease does not live; nothing was done. Otherwise the answers, of which a refused one
        says that nothing was done. Empty partitions may be left behind by what was not done.
        """
        live = {cursor.live.id for cursor in self.cursors() if cursor.live is not None}
        if not live.issuperset(required):
            return None
        trial = copy.deepcopy(self)
        stored = trial.push(items)
        answers: dict[int, Acked] = {}
        for group in sorted({group for group, _ in acks}):
            indices = [index for index, (of, _) in enumerate(acks) if of == group]
            given = [trial._under_required_lease(group, acks[index][1], required) for index in indices]
            answers |= zip(indices, trial.ack(group, given), strict=True)
        acked = [answers[index] for index in range(len(acks))]
        if all(answer.accepted for answer in acked):
            self.queues, self.groups = trial.queues, trial.groups
        return stored, acked

    def _under_required_lease(self, group: str, ack: Ack, required: Sequence[str]) -> Ack:
        """An ack that names no lease is made under the required one on its partition, if there is one."""
        for partition in self.partitions():
            cursor = partition.cursors.get(group)
            if partition.uuid == ack.partition_id and cursor is not None and cursor.lease is not None:
                lease = ack.lease or (cursor.lease.id if cursor.lease.id in required else "")
                return Ack(ack.partition_id, ack.transaction_id, ack.status, lease)
        return ack

    # ---------------------------------------------------------------- leases and time

    def extend(self, lease: str, until: Lease) -> tuple[int, int]:
        """On how many partitions the lease is known, and on how many it lived and was extended."""
        held = [cursor for cursor in self.cursors() if cursor.lease is not None and cursor.lease.id == lease]
        lived = [cursor.lease for cursor in held if cursor.live is not None and cursor.lease is not None]
        for each in lived:
            each.sure_until_s = max(each.sure_until_s, until.sure_until_s)
            each.over_at_s = max(each.over_at_s, until.over_at_s)
        return len(held), len(lived)

    def expire(self, now_s: float) -> None:
        """Leases that are over have run out."""
        for cursor in self.cursors():
            if cursor.live is not None and cursor.live.over_at_s <= now_s:
                cursor.rule.expire()

    def live_leases(self) -> list[Lease]:
        """One for each partition and group."""
        return [cursor.live for cursor in self.cursors() if cursor.live is not None]

    # ---------------------------------------------------------------- moving and deleting

    def seek(self, queue: str, group: str, partition: str | None, moment: int | None) -> dict[str, int]:
        """Move the group behind what was there at the moment (None: to the end); its leases end there.

        The counts of failures and of leases that ran out start at 0 where the position moves.
        """
        moved: dict[str, int] = {}
        for each in self._partitions_of(queue).values():
            if group not in each.cursors or partition not in (None, each.name):
                continue
            rule = each.cursors[group].rule
            position = len(each.messages) if moment is None else each.position_at(moment)
            if position != rule.position:
                rule.position, rule.attempts, rule.expiries = position, {}, 0
            rule.lease_end, rule.expired = None, False
            each.cursors[group].lease = None
            moved[each.name] = position
        return moved

    def delete_group(self, group: str, queue: str | None, subscription: bool) -> int:
        """Delete what the group has read (`queue` None: everywhere), and if asked where it starts.

        Returns on how many partitions it had read.
        """
        deleted = 0
        for partition in self.partitions():
            if queue in (None, partition.queue):
                deleted += partition.cursors.pop(group, None) is not None
        for of, name in list(self.groups):
            if name == group and queue in (None, of):
                self.groups[of, name].active = False
                if subscription:
                    del self.groups[of, name]
        return deleted

    def delete_queue(self, queue: str) -> bool:
        """Delete all that belongs to the queue, its groups too; whether there was one."""
        for of, group in list(self.groups):
            if of == queue:
                del self.groups[of, group]
        return self.queues.pop(queue, None) is not None

    # ---------------------------------------------------------------- what can be looked at

    def depth(self, queue: str, group: str) -> dict[str, int]:
        """What the group has still to read of each partition, handed out or not."""
        depths: dict[str, int] = {}
        subscription = self.groups.get((queue, group), Subscription(BEGINNING))
        for each in self._partitions_of(queue).values():
            cursor = each.cursors.get(group)
            read = each.position_at(subscription.start) if cursor is None else cursor.rule.position
            if len(each.messages) > read:
                depths[each.name] = len(each.messages) - read
        return depths

    def dead_letters(self, queue: str) -> list[tuple[str, str, str, int, int]]:
        """Partition, group, transactionId, payload and retry count of each, the oldest first."""
        letters = []
        for dead in self.queues[queue].dead:
            message = self.queues[queue].partitions[dead.partition].messages[dead.position - 1]
            letters.append(
                (dead.partition, dead.group, message.transaction_id, message.payload, dead.retry_count)
            )
        return letters

    # ---------------------------------------------------------------- details

    def _partitions_of(self, queue: str) -> dict[str, Partition]:
        return self.queues[queue].partitions if queue in self.queues else {}

    def _cursor(self, partition: Partition, position: int) -> Cursor:
        return Cursor(AckModel(retry_limit=0, head=len(partition.messages), position=position))

    def _rule(self, partition: Partition, group: str) -> AckModel:
        """The ack rule's state, with the head and the limit of now."""
        rule = partition.cursors[group].rule
        rule.head = len(partition.messages)
        rule.retry_limit = self.queues[partition.queue].options.retry_limit
        return rule


def _fence(lease: str, cursor: Cursor) -> str:
    """The lease of an ack in the words of the ack rule."""
    if not lease:
        return ""
    return "live" if cursor.live is not None and cursor.live.id == lease else "stale"
