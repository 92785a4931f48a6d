"""What the consumer groups of a run received, by the account of all its consumers together.

A worker that was lost had batches whose leases ran out without a word: each of its deliveries may have
been such a one, so each allows one more. Where something cannot be known it is None or left out, so what
is found to be wrong is certain.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.multiset import Multiset
from loadtests.ledger.naming import Misplaced, Naming
from loadtests.load.measuring.part import Lane, Part
from loadtests.load.plan import PRODUCERS_PER_WORKER
from loadtests.results import FaultyMessages, GroupAccount, ProducerLedger, lost_workers

DRAIN = -1  # number of the worker that reads on when the others have stopped
FULL = "the account of its deliveries was full before the end"

Place = tuple[str, int]  # partition and producer


class LedgerState(Struct, frozen=True):
    """The account of a run while it goes on. In messages; of all groups together where it says so."""

    issued: int
    acknowledged: int
    unknown: int
    refused: int  # certainly not stored; issued = acknowledged + unknown + refused
    delivered: int  # different ones, of all groups
    nacked: int  # of all groups
    lapsed: int  # of all groups
    again: int | None  # deliveries once more for such a reason, of all groups; None: not known of one of them
    unexplained: int | None  # deliveries too many, of all groups: must be 0; None: not known of one of them
    out_of_order: int  # of all groups: must be 0


def ledger_state(total: Part) -> LedgerState:
    """What is known now."""
    groups = group_accounts(total, drained=False, ended=False)
    acknowledged = sum(_size(producer.acknowledged) for producer in total.ledger)
    unknown = sum(_size(producer.unknown) for producer in total.ledger)
    refused = sum(_size(producer.refused) for producer in total.ledger)
    known = not any(group.unjudged for group in groups)
    return LedgerState(
        issued=acknowledged + unknown + refused,
        acknowledged=acknowledged,
        unknown=unknown,
        refused=refused,
        delivered=sum(group.delivered for group in groups),
        nacked=sum(group.nacked for group in groups),
        lapsed=sum(group.lapsed for group in groups),
        again=sum(group.again or 0 for group in groups) if known else None,
        unexplained=sum(group.unexplained or 0 for group in groups) if known else None,
        out_of_order=sum(group.out_of_order for group in groups),
    )


def group_accounts(
    total: Part, *, drained: bool, groups: Iterable[str] = (), ended: bool = True
) -> tuple[GroupAccount, ...]:
    """The account of each group that received something, and of `groups`, by name.

    `drained`: every group was read to its end, so that what it has not received by now it never will.
    `ended`: every push has come to its end, so that what is in nobody's ledger was never sent.
    """
    names = sorted({*groups, *(lane.group for lane in total.lanes)})
    issued = _Issued(total, ended=ended)
    return tuple(
        _account(name, [lane for lane in total.lanes if lane.group == name], issued, drained=drained)
        for name in names
    )


class _Issued:
    """What producers have told of their messages."""

    def __init__(self, total: Part, *, ended: bool) -> None:
        self.gone = set(lost_workers(total.workers))
        self.acknowledged = {_place(each): IntervalSet(each.acknowledged) for each in total.ledger}
        self._producers: Mapping[Place, ProducerLedger] = {_place(each): each for each in total.ledger}
        self._numbers = {producer.producer for producer in total.ledger}
        self._ended = ended

    def never_sent(self, place: Place, received: IntervalSet) -> IntervalSet:
        """Which of these messages cannot be stored: refused, or not of this producer's making."""
        producer = self._producers.get(place)
        if not self._ended or (producer is None and self._is_untold(place[1])):
            return IntervalSet()
        if producer is None:
            return received
        if producer.unheard:
            return received & IntervalSet(producer.refused)
        return received - self.acknowledged[place] - IntervalSet(producer.unknown)

    def _is_untold(self, number: int) -> bool:
        """Whether its process was lost before it had told of this producer."""
        return number not in self._numbers and number // PRODUCERS_PER_WORKER in self.gone


def _account(name: str, lanes: Sequence[Lane], issued: _Issued, *, drained: bool) -> GroupAccount:
    by_place: dict[Place, list[Lane]] = {}
    for lane in lanes:
        by_place.setdefault((lane.partition, lane.producer), []).append(lane)
    delivered = nacked = lapsed = unexplained = out_of_order = undelivered = 0
    again_nacked = again_lapsed = 0
    received: dict[Place, IntervalSet] = {}
    wrong: dict[str, dict[Place, IntervalSet]] = {"undelivered": {}, "unexplained": {}}
    late: dict[Place, IntervalSet] = {}
    for place, of_workers in by_place.items():
        came = _sum(lane.delivered for lane in of_workers)
        back = _sum(lane.nacked for lane in of_workers)
        over = _sum(lane.lapsed for lane in of_workers)
        silent = _sum(lane.delivered[:1] for lane in of_workers if lane.worker in issued.gone)
        received[place] = came.different
        delivered += len(received[place])
        nacked += len(back)
        lapsed += len(over)
        repeats, not_nacked = len(came) - len(received[place]), came.extra_over(back)
        too_many = came.extra_over(back, over, silent)
        again_nacked += repeats - not_nacked
        again_lapsed += not_nacked - too_many
        never_sent = issued.never_sent(place, received[place])
        unexplained += too_many + len(never_sent)
        if too_many or len(never_sent):
            wrong["unexplained"][place] = came.too_often(back, over, silent) | never_sent
        came_late = IntervalSet(interval for lane in of_workers for interval in lane.late)
        # What has no answer may have been stored late.
        late[place] = came_late & issued.acknowledged.get(place, IntervalSet())
        out_of_order += len(late[place])
    for place, acknowledged in issued.acknowledged.items():
        missing = acknowledged - received.get(place, IntervalSet())
        undelivered += len(missing)
        if missing.intervals and drained:
            wrong["undelivered"][place] = missing
    workers = {lane.worker for lane in lanes} - {DRAIN}
    full = any(lane.full for lane in lanes)
    known = undelivered == 0 or (drained and not issued.gone and not full)
    sure = [fault for fault, is_known in (("undelivered", known), ("unexplained", not full)) if is_known]
    return GroupAccount(
        group=name,
        delivered=delivered,
        undelivered=undelivered if known else None,
        nacked=nacked,
        lapsed=lapsed,
        unexplained=None if full else unexplained,
        out_of_order=out_of_order,
        order_judged="all" if len(workers) <= 1 else "per worker",
        unjudged=FULL if full else "",
        reading="ended" if drained else "cut off",
        again_nacked=None if full else again_nacked,
        again_lapsed=None if full else again_lapsed,
        faulty=_named({fault: wrong[fault] for fault in sure}, late, by_place),
    )


def _named(
    wrong: Mapping[str, Mapping[Place, IntervalSet]],
    late: Mapping[Place, IntervalSet],
    lanes: Mapping[Place, Sequence[Lane]],
) -> tuple[FaultyMessages, ...]:
    """The first messages of each fault; by producer, so that the order of reports does not matter."""
    naming = Naming()
    for fault, messages in wrong.items():
        for partition, producer in sorted(messages, key=_by_producer):
            naming.add(fault, producer, partition, messages[partition, producer])
    for partition, producer in sorted(late, key=_by_producer):
        of_all = late[partition, producer]
        naming.add_misplaced(producer, partition, _misplaced(of_all, lanes[partition, producer]), len(of_all))
    return naming.found()


def _misplaced(late: IntervalSet, lanes: Sequence[Lane]) -> Iterator[Misplaced]:
    """The first of them that each worker has told of, each message once."""
    untold = late
    for lane in sorted(lanes, key=lambda lane: lane.worker):
        for each in lane.came_late:
            told = untold & IntervalSet([(each.first, each.last)])
            untold -= told
            yield from (Misplaced(first, last, after=each.after) for first, last in told.intervals)


def _by_producer(place: Place) -> tuple[int, str]:
    partition, producer = place
    return producer, partition


def _place(producer: ProducerLedger) -> Place:
    return producer.partition, producer.producer


def _sum(several: Iterable[tuple[tuple[tuple[int, int], ...], ...]]) -> Multiset:
    return sum((Multiset(layers) for layers in several), Multiset())


def _size(intervals: tuple[tuple[int, int], ...]) -> int:
    return len(IntervalSet(intervals))
