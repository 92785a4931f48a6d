"""What the consumer groups of a run received, by the account of all its consumers together.

A worker that was lost had batches whose leases ran out without a word: each of its deliveries may have
been such a one, so each allows one more. Where something cannot be known it is None or a lower bound, so
what is found to be wrong is certain.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.multiset import Multiset
from loadtests.load.part import Lane, Part
from loadtests.results import GroupAccount, ProducerLedger

DRAIN = -1  # number of the worker that reads on when the others have stopped


class LedgerState(Struct, frozen=True):
    """The account of a run while it goes on. In messages; of all groups together where it says so."""

    issued: int
    acknowledged: int
    unknown: int
    delivered: int  # different ones, of all groups
    nacked: int  # of all groups
    lapsed: int  # of all groups
    unexplained: int  # deliveries too many, of all groups: must be 0
    out_of_order: int  # of all groups: must be 0


def ledger_state(total: Part) -> LedgerState:
    """What is known now."""
    groups = group_accounts(total, drained=False)
    acknowledged = sum(_size(producer.acknowledged) for producer in total.ledger)
    unknown = sum(_size(producer.unknown) for producer in total.ledger)
    refused = sum(_size(producer.refused) for producer in total.ledger)
    return LedgerState(
        issued=acknowledged + unknown + refused,
        acknowledged=acknowledged,
        unknown=unknown,
        delivered=sum(group.delivered for group in groups),
        nacked=sum(group.nacked for group in groups),
        lapsed=sum(group.lapsed for group in groups),
        unexplained=sum(group.unexplained for group in groups),
        out_of_order=sum(group.out_of_order for group in groups),
    )


def group_accounts(total: Part, *, drained: bool, groups: Iterable[str] = ()) -> tuple[GroupAccount, ...]:
    """The account of each group that received something, and of `groups`, by name.

    `drained`: every group was read to its end, so that what it has not received by now it never will.
    """
    gone = {share.worker for share in total.workers if not share.complete}
    names = sorted({*groups, *(lane.group for lane in total.lanes)})
    return tuple(
        _account(
            name, [lane for lane in total.lanes if lane.group == name], total.ledger, gone, drained=drained
        )
        for name in names
    )


def _account(
    name: str,
    lanes: Sequence[Lane],
    ledger: Iterable[ProducerLedger],
    gone: set[int],
    *,
    drained: bool,
) -> GroupAccount:
    by_place: dict[tuple[str, int], list[Lane]] = {}
    for lane in lanes:
        by_place.setdefault((lane.partition, lane.producer), []).append(lane)
    delivered = nacked = lapsed = unexplained = out_of_order = undelivered = 0
    unknown = {producer.producer: _size(producer.unknown) for producer in ledger}
    received: dict[tuple[str, int], IntervalSet] = {}
    for place, of_workers in by_place.items():
        came = _sum(lane.delivered for lane in of_workers)
        back = _sum(lane.nacked for lane in of_workers)
        over = _sum(lane.lapsed for lane in of_workers)
        silent = _sum(lane.delivered[:1] for lane in of_workers if lane.worker in gone)
        received[place] = IntervalSet(interval for layer in came.layers[:1] for interval in layer)
        delivered += len(received[place])
        nacked += len(back)
        lapsed += len(over)
        unexplained += came.extra_over(back, over, silent)
        late = sum(lane.out_of_order for lane in of_workers)
        out_of_order += max(0, late - unknown.get(place[1], 0))  # what has no answer may be applied late
    for producer in ledger:
        came_to_it = received.get((producer.partition, producer.producer), IntervalSet())
        undelivered += len(IntervalSet(producer.acknowledged) - came_to_it)
    workers = {lane.worker for lane in lanes} - {DRAIN}
    known = undelivered == 0 or (drained and not gone)
    return GroupAccount(
        group=name,
        delivered=delivered,
        undelivered=undelivered if known else None,
        nacked=nacked,
        lapsed=lapsed,
        unexplained=unexplained,
        out_of_order=out_of_order,
        order_judged="all" if len(workers) <= 1 else "per worker",
    )


def _sum(several: Iterable[tuple[tuple[tuple[int, int], ...], ...]]) -> Multiset:
    return sum((Multiset(layers) for layers in several), Multiset())


def _size(intervals: tuple[tuple[int, int], ...]) -> int:
    return len(IntervalSet(intervals))
