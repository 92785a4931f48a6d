"""What one client can do to the server, step by step; each answer is held against the model's."""

from collections import Counter
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.conformance import admin_answers as shown
from tests.conformance import answers as told
from tests.conformance.client import Queue, segment

from . import choices
from .checks import check_ack, check_message, check_push, check_transaction, same
from .choices import GROUPS, PARTITIONS, QUEUES, SHORT, SHORT_LEASE_S, Asked, Item, Place, Run
from .example import Example
from .model import STATUSES
from .operations import Ack, NewMessage, Pop
from .parts import BEGINNING, QUEUE_MODE, Options

MOST_DIE = 1  # consumers, in an example: each takes a second


class QueueMachine(Example):
    """The rules. Which of them are open depends on how many steps of a kind there were, and on no answer."""

    pops = acks = consumers_died = 0

    # ---------------------------------------------------------------- push and pop

    @rule(items=choices.items)
    def push(self, items: list[Item]) -> None:
        sent = self.new_messages(items)
        said = self.ask(self.client.push(*map(_push_item, sent)))
        for answer, due in zip(said, self.model.push(sent), strict=True):
            check_push(answer, due)

    @rule(place=choices.places, asked=choices.pops, partitions=st.integers(1, 3))
    def pop(self, place: Place, asked: Asked, partitions: int) -> None:
        self._pop(place, asked, None, partitions)

    @rule(place=choices.places, asked=choices.pops, partition=st.sampled_from(PARTITIONS))
    def pop_named(self, place: Place, asked: Asked, partition: str) -> None:
        self._pop(place, asked, partition, 1)

    @precondition(lambda self: self.consumers_died < MOST_DIE)
    @rule(group=st.sampled_from(GROUPS), batch=st.integers(1, 3))
    def pop_and_let_the_lease_run_out(self, group: str, batch: int) -> None:
        self.consumers_died += 1
        self._pop(Place(SHORT, group), Asked(batch), None, 2)
        self.wait_for_short_leases()

    def _pop(self, place: Place, asked: Asked, partition: str | None, partitions: int) -> None:
        self.pops += 1
        queue, group = self.prefix + place.queue, self.group(place.group)
        since = self.moment(asked.steps_ago)
        query: dict[str, object] = {"batch": asked.batch, "partitions": partitions}
        query |= {"consumerGroup": group} if group != QUEUE_MODE else {}
        query |= {"autoAck": True} if asked.auto_ack else {}
        query |= {"wait": True, "timeout": 10} if asked.wait else {}
        query |= {"subscriptionMode": asked.mode} if asked.mode else {}
        if asked.since:
            query["subscriptionFrom"] = "now" if asked.since == "now" else self.clocks[since].isoformat()
        answer = self.ask(Queue(self.client, queue).pop_answer(partition, **query))
        start = BEGINNING if group == QUEUE_MODE else since  # whoever shares a queue shares all of it
        wanted = Pop(queue, partition, group, asked.batch, partitions, start)
        if answer.status == 204:
            self.model.pop(wanted, [], None)
        else:
            self._check_delivery(wanted, answer.as_(told.Delivery), asked.auto_ack)

    def _check_delivery(self, wanted: Pop, said: told.Delivery, auto_ack: bool) -> None:
        taken = Counter(message.partition for message in said.messages)  # in the order of the answer
        same("partitions claimed", said.partitions_claimed, len(taken))
        lease = None
        if not auto_ack:
            lease = self.lease_of(said.lease_id, self.model.queues[wanted.queue].options.lease_s)
            self.leases.append(lease.id)
            self.handed_out |= {(wanted.queue, name, wanted.group): lease.id for name in taken}
        due = self.model.pop(wanted, list(taken.items()), lease)
        for message, delivered in zip(said.messages, due, strict=True):
            check_message(message, delivered, said.lease_id, wanted.group)

    # ---------------------------------------------------------------- ack and transaction

    @precondition(lambda self: self.pops)
    @rule(runs=choices.runs, stranger=st.sampled_from((False,) * 9 + (True,)))
    def ack(self, runs: list[Run], stranger: bool) -> None:
        self.acks += 1
        made = self.acks_of(runs)
        first = made[0][0]
        acks = [ack for group, ack in made if group == first]
        group = "stranger" if stranger else first
        said = self.ask(self.client.ack(*map(_ack_item, acks), group=group))
        for answer, due in zip(said, self.model.ack(group, acks), strict=True):
            check_ack(answer, due)

    @precondition(lambda self: self.pops)
    @rule(runs=choices.short_runs)
    def ack_one(self, runs: list[Run]) -> None:
        self.acks += 1
        group, ack = self.acks_of(runs)[0]
        said = self.ask(self.client.ack_one(_ack_item(ack), group))
        check_ack(said, self.model.ack(group, [ack])[0])

    @precondition(lambda self: self.pops)
    @rule(
        items=st.just([]) | choices.items,
        runs=choices.short_runs,
        acks_first=st.booleans(),
        required=choices.required,
    )
    def transaction(
        self, items: list[Item], runs: list[Run], acks_first: bool, required: tuple[int, ...]
    ) -> None:
        sent, acks = self.new_messages(items), self.acks_of(runs)
        leases = [self.lease(age) for age in required]
        pushes = [{"type": "push", "items": [*map(_push_item, sent)]}] if sent else []
        others = [{"type": "ack", **_ack_item(ack), "consumerGroup": group} for group, ack in acks]
        operations = [*others, *pushes] if acks_first else [*pushes, *others]
        body = {"operations": operations, "requiredLeases": leases}
        said = self.ask(self.client.post("/api/v1/transaction", body)).as_(told.Transacted)
        self.left_behind = [] if said.success else [(item.queue, item.partition) for item in sent]
        if any(ack.status not in STATUSES for _, ack in acks):
            same("unknown status", (said.success, said.results), (False, []))
            return
        due = self.model.transact(sent, acks, leases)
        if due is None:
            check_transaction(said, None)
        else:
            stored, acked = due
            check_transaction(said, [*acked, *stored] if acks_first else [*stored, *acked])

    # ---------------------------------------------------------------- leases

    @precondition(lambda self: self.pops)
    @rule(age=st.integers(0, 2), seconds=st.sampled_from((None, 1, 600)))
    def extend(self, age: int, seconds: int | None) -> None:
        lease = self.lease(age)
        body = None if seconds is None else {"seconds": seconds}
        said = self.ask(self.client.post(f"/api/v1/lease/{lease}/extend", body)).as_(told.Extended)
        held, lived = self.model.extend(lease, self.lease_of(lease, seconds or 60))
        error = None if lived else "Lease already expired" if held else "Lease not found"
        same(
            "extended",
            (said.lease_id, said.success, said.renewed, said.error),
            (lease, lived > 0, lived, error),
        )

    # ---------------------------------------------------------------- queues and groups

    @initialize(items=choices.items)
    def begin(self, items: list[Item]) -> None:
        self.configure(SHORT, Options(retry_limit=1))
        self.push(items)

    @rule(queue=st.sampled_from(QUEUES), options=choices.options)
    def configure(self, queue: str, options: Options) -> None:
        name = self.prefix + queue
        if queue == SHORT:
            options = replace(options, lease_s=SHORT_LEASE_S)
        given = {"leaseTime": options.lease_s, "retryLimit": options.retry_limit}
        given |= {"delayedProcessing": 3600} if options.holds_back else {}
        said = self.ask(Queue(self.client, name).configure(**given))
        partition = self.model.configure(name, options)
        partition.uuid = partition.uuid or said.partition_id
        same("configured", (said.queue, said.partition_id), (name, partition.uuid))

    @precondition(lambda self: self.acks)
    @rule(
        place=choices.places,
        partition=st.none() | st.sampled_from(PARTITIONS),
        steps_ago=st.none() | st.integers(0, 8),
    )
    def seek(self, place: Place, partition: str | None, steps_ago: int | None) -> None:
        """To the end, or (the whole queue only) to a time."""
        queue, group = self.prefix + place.queue, self.group(place.group)
        path = f"/api/v1/consumer-groups/{segment(group)}/queues/{segment(queue)}"
        if partition is not None:
            answer = self.ask(self.client.post(f"{path}/partitions/{partition}/seek"))
            if self.model.seek(queue, group, partition, None):
                same("moved", answer.as_(shown.PartitionSought).updated, True)
            else:
                same("the group reads no such partition", answer.status, 404)
            return
        moment = None if steps_ago is None else self.moment(steps_ago)
        body = {"toEnd": True} if moment is None else {"timestamp": self.clocks[moment].isoformat()}
        said = self.ask(self.client.post(f"{path}/seek", body)).as_(shown.Sought)
        moved = self.model.seek(queue, group, None, moment)
        same("moved", (said.partitions_updated, said.seek_to_end), (len(moved), moment is None))

    @precondition(lambda self: self.acks)
    @rule(everywhere=st.booleans(), queue=st.sampled_from(QUEUES), metadata=st.booleans())
    def delete_group(self, everywhere: bool, queue: str, metadata: bool) -> None:
        group, name = self.group(choices.NAMED), self.prefix + queue
        place = "" if everywhere else f"/queues/{segment(name)}"
        path = f"/api/v1/consumer-groups/{segment(group)}{place}?deleteMetadata={str(metadata).lower()}"
        said = self.ask(self.client.delete(path)).as_(shown.GroupDeleted)
        deleted = self.model.delete_group(group, None if everywhere else name, metadata)
        same("deleted", (said.deleted_partitions, said.metadata_deleted), (deleted, metadata))

    @precondition(lambda self: self.acks)
    @rule(queue=st.sampled_from(QUEUES))
    def delete_queue(self, queue: str) -> None:
        name = self.prefix + queue
        if name in self.model.queues:
            self.gone += [each.uuid for each in self.model.queues[name].partitions.values()]
        said = self.ask(self.client.delete(f"/api/v1/resources/queues/{segment(name)}")).as_(shown.Deleted)
        same("existed", said.existed, self.model.delete_queue(name))

    # ---------------------------------------------------------------- the end

    def teardown(self) -> None:
        """If all went well: what is left is shown, and is delivered to every group."""
        if not self.sound:
            return
        for queue, group in list(self.model.groups):
            self._check_depth(queue, group)
        for queue in self.model.queues:
            self._check_dead_letters(queue)
        for queue, group in list(self.model.groups):
            name = choices.NAMED if group == self.group(choices.NAMED) else group
            self._pop(Place(queue.removeprefix(self.prefix), name), Asked(1000), None, 100)
        self.look()

    def _check_depth(self, queue: str, group: str) -> None:
        path = f"/api/v1/resources/queues/{segment(queue)}/depth?group={segment(group)}"
        answer = self.ask(self.client.get(path))
        if queue not in self.model.queues:
            same("no such queue", answer.status, 404)
            return
        said = answer.as_(shown.Depth)
        due = self.model.depth(queue, group)
        same("depth", {each.partition: each.pending for each in said.partitions}, due)
        same("depths", (said.pending, said.partitions_pending), (sum(due.values()), len(due)))

    def _check_dead_letters(self, queue: str) -> None:
        said = self.ask(self.client.get(f"/api/v1/dlq?queue={segment(queue)}&limit=1000")).as_(
            shown.DeadLetters
        )
        dead = [
            (each.partition, each.consumer_group, each.transaction_id, each.data, each.retry_count)
            for each in said.messages
        ]
        same("dead letters", dead, self.model.dead_letters(queue)[::-1])
        same("their number", said.total, len(dead))


def _push_item(message: NewMessage) -> dict[str, object]:
    named = {"transactionId": message.transaction_id} if message.transaction_id else {}
    return {"queue": message.queue, "partition": message.partition, "payload": message.payload, **named}


def _ack_item(ack: Ack) -> dict[str, object]:
    named = {"leaseId": ack.lease} if ack.lease else {}
    return {
        "transactionId": ack.transaction_id,
        "partitionId": ack.partition_id,
        "status": ack.status,
        **named,
    }
