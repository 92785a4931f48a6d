"""Ack: what the outcomes of the ack rule mean to a client.

The rule itself is one database call (postgres/migrations/0005_ack.sql): it must be judged under the
locks of partition and cursor. Here its outcomes get the contract's words.

Most requests are plain: they say `completed` of messages of one partition, under one lease. These share calls
(core/sharing.py), which find out whether it is as simple as that; if not, the request is judged by itself.
One that is needs no task of its own: `Acker.board` and `land` are that short way, `ack` is the whole one.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from queen.core.deadline import Deadline
from queen.core.sharing import Line, Shared
from queen.core.store import AckItem, AckOutcome, Hold, PartitionName, PlainAck, Store, by_queue
from queen.core.wakeups import Wakeups

STATUSES = frozenset({"completed", "success", "failed", "retry", "dlq"})
_DONE = frozenset({"completed", "success"})
_FLIGHTS = 2  # shared calls under way at a time, of one process; the second only when full
_FLIGHT_ITEMS = 1_000  # acks that a shared call may hold

PlainAcks = Shared[Store, PlainAck, AckOutcome | None]


def shared_acks(hold: Hold, line: Line, boarding_ms: float) -> PlainAcks:
    """Plain acks, many in a call. Who makes them runs them (`Shared.running`)."""
    return PlainAcks(hold, _ack, flights=_FLIGHTS, weight=_FLIGHT_ITEMS, boarding_ms=boarding_ms, line=line)


async def _ack(store: Store, requests: Sequence[PlainAck], deadline: Deadline) -> Sequence[AckOutcome | None]:
    return await store.ack_together(requests, deadline)


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


class BoardedAck(Struct, frozen=True):
    """A plain request on its way."""

    group: str
    items: Sequence[AckItem]
    turn: asyncio.Future[AckOutcome | None]


class Acker:
    """The ack operation of one server process."""

    def __init__(self, store: Store, plain: PlainAcks, wakeups: Wakeups) -> None:
        self._store = store
        self._plain = plain
        self._wakeups = wakeups

    def board(self, group: str, items: Sequence[AckItem], deadline: Deadline) -> BoardedAck | None:
        """The short way of a plain request. None: it is not plain, so `ack` must do it."""
        plain = plain_ack(group, items)
        if plain is None:
            return None
        return BoardedAck(group, items, self._plain.board(plain, len(items), deadline))

    def land(self, boarded: BoardedAck) -> list[Acked] | None:
        """The answers, when the turn is done. None: nothing was changed, so `judge` must do it."""
        outcome = boarded.turn.result()
        if outcome is None:
            return None
        answer = acked(outcome)
        if answer.released:
            self._wake(boarded.group, [answer])
        return [answer] * len(boarded.items)

    async def ack(self, group: str, items: Sequence[AckItem], deadline: Deadline) -> list[Acked]:
        """Apply the items together; one answer for each, in their order."""
        boarded = self.board(group, items, deadline)
        if boarded is not None:
            await boarded.turn
            done = self.land(boarded)
            if done is not None:
                return done
        return await self.judge(group, items, deadline)

    async def judge(self, group: str, items: Sequence[AckItem], deadline: Deadline) -> list[Acked]:
        """The same, by all of the rule."""
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
