"""Ack: what the outcomes of the ack rule mean to a client.

The rule itself is one database call (postgres/migrations/0005_ack.sql): it must be judged under the
locks of partition and cursor. Here its outcomes get the contract's words.

Most requests are plain: they say `completed` of messages of one partition, under one lease. These share calls
(core/sharing.py), which find out whether it is as simple as that; if not, the request is judged by itself.
`Acker.board` is that short way, which needs no task of its own; `judge` is the whole rule.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from queen.core.deadline import Deadline
from queen.core.line import Figures
from queen.core.rider import Rider
from queen.core.sharing import Boarded, Shared
from queen.core.store import AckItem, AckOutcome, Hold, PartitionName, PlainAck, Store, by_queue
from queen.core.wakeups import Wakeups

STATUSES = frozenset({"completed", "success", "failed", "retry", "dlq"})
_DONE = frozenset({"completed", "success"})

_ERRORS = {
    "unresolved": "unresolved transactionId for this partition: message not found",
    "unregistered": "the consumer group has never popped from this queue",
    "lease": "Invalid or expired lease",
    "superseded": "superseded by an earlier failed or retry in this request",
    "committed": "already committed: the position of the group is past this message",
}

PlainAcks = Shared[Store, PlainAck, AckOutcome | None]


def shared_acks(hold: Hold, figures: Figures, boarding_ms: float) -> PlainAcks:
    """Plain acks, many in a call. Who makes them runs them (`Shared.running`)."""
    return PlainAcks(hold, _ack, boarding_ms=boarding_ms, figures=figures)


async def _ack(store: Store, requests: Sequence[PlainAck], deadline: Deadline) -> Sequence[AckOutcome | None]:
    return await store.ack_together(requests, deadline)


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

    def __init__(self, store: Store, plain: PlainAcks, wakeups: Wakeups) -> None:
        self._store = store
        self._plain = plain
        self._wakeups = wakeups

    def board(
        self, group: str, items: Sequence[AckItem], deadline: Deadline
    ) -> Boarded[list[Acked] | None] | None:
        """The short way of a plain request. None: it is not plain, so `judge` must do it.

        It lands with None when nothing was changed and `judge` must do it after all.
        """
        plain = plain_ack(group, items)
        if plain is None:
            return None
        rider = self._plain.board(plain, len(items), deadline)
        return Boarded(rider, partial(self._land, plain, rider))

    def _land(self, plain: PlainAck, rider: Rider[PlainAck, AckOutcome | None]) -> list[Acked] | None:
        outcome = rider.result()
        if outcome is None:
            return None
        answer = acked(outcome)
        if answer.released:
            self._wake(plain.group, [answer])
        return [answer] * len(plain.transaction_ids)

    async def judge(self, group: str, items: Sequence[AckItem], deadline: Deadline) -> list[Acked]:
        """Apply the items together, by all of the rule; one answer for each, in their order."""
        known = [item for item in items if item.status in STATUSES]
        outcomes = iter(await self._store.ack(group, known, deadline) if known else ())
        answers = [
            acked(next(outcomes)) if item.status in STATUSES else unknown_status(item) for item in items
        ]
        self._wake(group, answers)
        return answers

    def _wake(self, group: str, answers: Sequence[Acked]) -> None:
        for queue, partitions in by_queue(ended_leases(answers)).items():
            self._wakeups.wake(queue, partitions, group)


def plain_ack(group: str, items: Sequence[AckItem]) -> PlainAck | None:
    """The request, if it is a plain one."""
    if not items:
        return None
    first = items[0]
    partition, lease = first.partition_uuid, first.lease_id
    for item in items:
        if item.status not in _DONE or item.partition_uuid != partition or item.lease_id != lease:
            return None
    return PlainAck(group, partition, lease, [item.transaction_id for item in items])


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
