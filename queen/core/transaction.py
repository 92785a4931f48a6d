"""Transaction: pushes and acks that happen together or not at all.

Operations mean what push and ack mean, so they have the same steps and the same answers. All pushes come
before all acks, and the acks of one group are one request of the ack rule. The first step that is refused
undoes the whole; a duplicate is no refusal. One database call (postgres/migrations/0006_transaction.sql).
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from msgspec import Struct

from queen.core.ack import STATUSES, Acked, acked, ended_leases, unknown_status
from queen.core.backlog import Backlog
from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.push import Pushed, Stored, names_of
from queen.core.store import (
    AckItem,
    NewMessage,
    Partition,
    PartitionName,
    Store,
    TransactionPlan,
    by_queue,
)
from queen.core.wakeups import Wakeups


class AckStep(Struct, frozen=True):
    """One acknowledgement of a transaction."""

    group: str
    item: AckItem


Step = NewMessage | AckStep


class Transacted(Struct, frozen=True):
    """What became of a transaction.

    `error` None: all of it was done, and there is an answer for each step, in their order. Otherwise nothing
    was done, and the answers are those of the steps before the one that failed.
    """

    answers: Sequence[Pushed | Acked]
    error: str | None


class Transactor:
    """The transaction operation of one server process."""

    def __init__(self, store: Store, directory: Directory, backlog: Backlog, wakeups: Wakeups) -> None:
        self._store = store
        self._directory = directory
        self._backlog = backlog
        self._wakeups = wakeups

    async def apply(self, steps: Sequence[Step], required: Sequence[UUID], deadline: Deadline) -> Transacted:
        """Do all steps or none. `required`: leases that must all live at that moment.

        Raises `QueueFull` when there is no room for the pushes.
        """
        for step in steps:
            if isinstance(step, AckStep) and step.item.status not in STATUSES:
                return Transacted((), _failed(unknown_status(step.item)))
        messages = [step for step in steps if isinstance(step, NewMessage)]
        acks = [(step.group, step.item) for step in steps if isinstance(step, AckStep)]

        async def work(partitions: Sequence[Partition]) -> Transacted:
            ids = [partition.id for partition in partitions]
            plan = TransactionPlan(messages=messages, partitions=ids, acks=acks, required=required)
            outcome = await self._store.transact(plan, deadline)
            if outcome.lost:
                lease = required[outcome.lost[0]]
                return Transacted((), f"required lease {lease}: Invalid or expired lease")
            return _answers(
                steps,
                iter(Stored.of(messages, partitions, outcome.existing).each()),
                iter([acked(each) for each in outcome.acks]),
            )

        async with self._backlog.room(messages, deadline):
            done = await self._directory.with_partitions(names_of(messages), deadline, work)
        if done.error is None:
            self._wake(steps, done.answers)
        return done

    def _wake(self, steps: Sequence[Step], answers: Sequence[Pushed | Acked]) -> None:
        changed: dict[str | None, set[PartitionName]] = {}  # group (None: every group) → partitions
        for step, answer in zip(steps, answers, strict=True):
            if isinstance(step, NewMessage):
                changed.setdefault(None, set()).add(step.partition)
            elif isinstance(answer, Acked):
                changed.setdefault(step.group, set()).update(ended_leases([answer]))
        for group, names in changed.items():
            for queue, partitions in by_queue(names).items():
                self._wakeups.wake(queue, partitions, group)


def _answers(steps: Sequence[Step], pushes: Iterator[Pushed], acks: Iterator[Acked]) -> Transacted:
    """The answers in the steps' order, up to the first ack that was refused."""
    answers: list[Pushed | Acked] = []
    for step in steps:
        answer = next(pushes) if isinstance(step, NewMessage) else next(acks)
        if isinstance(answer, Acked) and not answer.success:
            return Transacted(answers, _failed(answer))
        answers.append(answer)
    return Transacted(answers, None)


def _failed(answer: Acked) -> str:
    return f"ACK operation failed: {answer.error}"
