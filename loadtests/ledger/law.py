"""The law of a load: is every message accounted for? Pure; whoever reads the messages hands in stretches.

acknowledged ⊆ stored, and stored − acknowledged ⊆ unknown. A message that was acknowledged and is not
there is lost; one that is there twice is duplicated; one that is there although it was refused or never
issued is unexplained. Of a producer whose process was lost, what it did last is not known: what is there
and not in its lists is counted apart (`unheard_stored`), and everything else is judged as ever. A producer
that such a process had not yet told of has no list at all.

Order is judged by position within a producer and partition, among its acknowledged messages: a closed
loop sends one push after the answer to the other, so all of them must be in order; an open loop has
several pushes of a producer in flight at once, so only the messages of each push must be. (A push whose
outcome is unknown has no place in that order: it may be applied late.)
"""

from collections.abc import Iterable
from dataclasses import dataclass

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.lane_log import LaneLog
from loadtests.results import Accounting, Cell, Ledger, ProducerLedger

WHOLE_PRODUCER = 1 << 62  # sequences per scope of order: more than any producer sends
FOREIGN = -1  # producer of messages that are not of this load


@dataclass(frozen=True)
class Stretch:
    """A piece of a partition's log in which one producer's sequences ascend by one."""

    partition: str
    producer: int
    first: int
    last: int


def scope_of_order(cell: Cell) -> int:
    """How many consecutive sequences must be in order: those of a push in an open loop, else all."""
    return cell.batch if cell.loop == "open" else WHOLE_PRODUCER


def compare(ledger: Ledger, stored: Iterable[Stretch], *, order_scope: int = WHOLE_PRODUCER) -> Accounting:
    """The account of one load; the stretches of a producer in a partition are in the order of the log."""
    log = StoredLog(ledger, order_scope)
    log.add(stored)
    return log.account()


class StoredLog:
    """What of a load is stored, as far as it was read. Memory follows gaps and faults, not messages.

    `order_scope` is the number of consecutive sequences that must be in order.
    """

    def __init__(self, ledger: Ledger, order_scope: int) -> None:
        self._ledger = ledger
        self._scope = order_scope
        self._foreign = 0
        self._lanes = {
            (producer.partition, producer.producer): self._lane(producer.acknowledged)
            for producer in ledger.producers
        }

    @property
    def pieces(self) -> int:
        """How many intervals it is kept in."""
        return sum(lane.pieces for lane in self._lanes.values())

    def add(self, stretches: Iterable[Stretch]) -> None:
        """The next messages. Those of a producer in a partition come in the order of the log."""
        for stretch in stretches:
            if stretch.producer == FOREIGN:
                self._foreign += stretch.last - stretch.first + 1
                continue
            place = stretch.partition, stretch.producer
            lane = self._lanes.get(place)
            if lane is None:
                lane = self._lanes[place] = self._lane(())
            lane.add(stretch.first, stretch.last)

    def has_all(self) -> bool:
        """Whether every message that was acknowledged has been read."""
        return not any(self._of(producer).missing for producer in self._ledger.producers)

    def account(self) -> Accounting:
        """What the law says of it, if this is all."""
        acknowledged = unknown = unknown_stored = lost = explained = unheard_stored = 0
        for producer in self._ledger.producers:
            lane = self._of(producer)
            there = lane.there
            acked, unsure = IntervalSet(producer.acknowledged), IntervalSet(producer.unknown)
            acknowledged += len(acked)
            unknown += len(unsure)
            unknown_stored += len(unsure & there)
            lost += lane.missing
            explained += len(there & (acked | unsure))
            if producer.unheard:
                unheard_stored += len(there - acked - unsure - IntervalSet(producer.refused))
        untold = self._untold()
        unheard_stored += sum(len(lane.there) for lanes in untold.values() for lane in lanes)
        unheard_producers = {each.producer for each in self._ledger.producers if each.unheard} | untold.keys()
        messages = sum(lane.messages for lane in self._lanes.values())
        different = sum(len(lane.there) for lane in self._lanes.values())
        return Accounting(
            acknowledged=acknowledged,
            stored=messages + self._foreign,
            unknown=unknown,
            unknown_stored=unknown_stored,
            lost=lost,
            duplicated=messages - different,
            unexplained=different - explained - unheard_stored + self._foreign,
            out_of_order=sum(lane.out_of_order for lane in self._lanes.values()),
            unheard_producers=len(unheard_producers),
            unheard_stored=unheard_stored,
            unheard_processes=len(self._ledger.lost),
        )

    def _of(self, producer: ProducerLedger) -> LaneLog:
        return self._lanes[producer.partition, producer.producer]

    def _untold(self) -> dict[int, list[LaneLog]]:
        """What is there of producers that nobody has told of, by number, where their process was lost.

        One that is listed has told where its messages go: what is elsewhere is none of those.
        """
        listed = {producer.producer for producer in self._ledger.producers}
        found: dict[int, list[LaneLog]] = {}
        for (_, number), lane in self._lanes.items():
            if number not in listed and any(first <= number <= last for first, last in self._ledger.lost):
                found.setdefault(number, []).append(lane)
        return found

    def _lane(self, acknowledged: Iterable[tuple[int, int]]) -> LaneLog:
        return LaneLog(IntervalSet(acknowledged), self._scope)
