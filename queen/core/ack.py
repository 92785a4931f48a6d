"""Ack: what the outcomes of the ack rule mean to a client.

The rule itself is one database call (postgres/migrations/0005_ack.sql): it must be judged under the
locks of partition and cursor. Here its outcomes get the contract's words.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from queen.core.deadline import Deadline
from queen.core.store import AckItem, AckOutcome, PartitionName, Store, by_queue
from queen.core.wakeups import Wakeups

STATUSES = frozenset({"completed", "success", "failed", "retry", "dlq"})

_ERRORS = {
    "unresolved": "unresolved transactionId for this partition: message not found",
    "unregistered": "the consumer group has never popped from this queue",
    "lease": "Invalid or expired lease",
    "superseded": "superseded by an earlier failed or retry in this request",
    "committed": "already committed: the position of the group is past this message",
}


class Acked(Struct, frozen=True):
    """Answer to one item."""

    success: bool
    error: str | None
    noop: bool
    dead: bool
    released: bool
    queue: str | None
    partition: str | None


class Acker:
    """The ack operation of one server process."""

    def __init__(self, store: Store, wakeups: Wakeups) -> None:
        self._store = store
        self._wakeups = wakeups

    async def ack(self, group: str, items: Sequence[AckItem], deadline: Deadline) -> list[Acked]:
        """Apply the items together; one answer for each, in their order."""
        known = [item for item in items if item.status in STATUSES]
        outcomes = iter(await self._store.ack(group, known, deadline) if known else ())
        answers = [
            acked(next(outcomes)) if item.status in STATUSES else unknown_status(item) for item in items
        ]
        for queue, partitions in by_queue(ended_leases(answers)).items():
            self._wakeups.wake(queue, partitions, group)
        return answers


def ended_leases(answers: Iterable[Acked]) -> Iterator[PartitionName]:
    """Partitions that may be popped again."""
    for answer in answers:
        if answer.released and answer.queue is not None and answer.partition is not None:
            yield PartitionName(answer.queue, answer.partition)


def acked(outcome: AckOutcome) -> Acked:
    """The outcome in the contract's words."""
    error = _ERRORS.get(outcome.outcome)
    return Acked(
        success=error is None,
        error=error,
        noop=outcome.outcome == "noop",
        dead=outcome.dead,
        released=outcome.released,
        queue=outcome.queue,
        partition=outcome.partition,
    )


def unknown_status(item: AckItem) -> Acked:
    """The answer to an ack that says nothing."""
    expected = ", ".join(sorted(STATUSES))
    return Acked(
        success=False,
        error=f"unknown status {item.status!r}; expected one of {expected}",
        noop=False,
        dead=False,
        released=False,
        queue=None,
        partition=None,
    )
