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
from loadtests.ledger.naming import Naming
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
        return not any(len(self._of(producer).missing) for producer in self._ledger.producers)

    def account(self) -> Accounting:
        """What the law says of it, if this is all."""
        acknowledged = unknown = unknown_stored = 0
        for producer in self._ledger.producers:
            unsure = IntervalSet(producer.unknown)
            acknowledged += len(IntervalSet(producer.acknowledged))
            unknown += len(unsure)
            unknown_stored += len(unsure & self._of(producer).there)
        faults = self._faults()
        return Accounting(
            acknowledged=acknowledged,
            stored=sum(lane.messages for lane in self._lanes.values()) + self._foreign,
            unknown=unknown,
            unknown_stored=unknown_stored,
            lost=faults.lost,
            duplicated=faults.duplicated,
            unexplained=faults.unexplained + self._foreign,
            out_of_order=sum(lane.out_of_order for lane in self._lanes.values()),
            unheard_producers=len(faults.unheard),
            unheard_stored=faults.unheard_stored,
            unheard_processes=len(self._ledger.lost),
            faulty=faults.naming.found(),
        )

    def _faults(self) -> "_Faults":
        """What is wrong, by producer and partition: so what is named depends on no order of reading."""
        listed = {(each.partition, each.producer): each for each in self._ledger.producers}
        heard_of = {producer.producer for producer in self._ledger.producers}
        faults = _Faults()
        faults.unheard.update(each.producer for each in self._ledger.producers if each.unheard)
        for partition, number in sorted(self._lanes, key=lambda place: (place[1], place[0])):
            lane = self._lanes[partition, number]
            if (producer := listed.get((partition, number))) is not None:
                unexplained = faults.beyond(lane, producer)
            elif number not in heard_of and self._is_of_a_lost_process(number):
                unexplained = faults.untold(lane, number)
            else:  # one that is listed has told where its messages go
                unexplained = lane.there
            faults.add(number, partition, lane, unexplained)
        faults.naming.add_nameless("unexplained", self._foreign)
        return faults

    def _is_of_a_lost_process(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self._ledger.lost)

    def _of(self, producer: ProducerLedger) -> LaneLog:
        return self._lanes[producer.partition, producer.producer]

    def _lane(self, acknowledged: Iterable[tuple[int, int]]) -> LaneLog:
        return LaneLog(IntervalSet(acknowledged), self._scope)


class _Faults:
    """What was found to be wrong until now."""

    def __init__(self) -> None:
        self.lost = self.duplicated = self.unexplained = self.unheard_stored = 0
        self.unheard: set[int] = set()  # producers of which not everything was heard
        self.naming = Naming()

    def beyond(self, lane: LaneLog, producer: ProducerLedger) -> IntervalSet:
        """What is there and neither acknowledged nor unknown, as far as the producer was heard to its end."""
        rest = lane.there - IntervalSet(producer.acknowledged) - IntervalSet(producer.unknown)
        if not producer.unheard:
            return rest
        refused = rest & IntervalSet(producer.refused)
        self.unheard_stored += len(rest) - len(refused)
        return refused

    def untold(self, lane: LaneLog, number: int) -> IntervalSet:
        """Nobody has told of this producer: nothing of it is known to be wrong."""
        self.unheard_stored += len(lane.there)
        self.unheard.add(number)
        return IntervalSet()

    def add(self, number: int, partition: str, lane: LaneLog, unexplained: IntervalSet) -> None:
        """Count and name what is wrong with the messages of a producer in a partition."""
        missing = lane.missing
        self.lost += len(missing)
        self.duplicated += lane.messages - len(lane.there)
        self.unexplained += len(unexplained)
        self.naming.add("lost", number, partition, missing)
        self.naming.add("duplicated", number, partition, lane.again)
        self.naming.add("unexplained", number, partition, unexplained)
        self.naming.add_misplaced(number, partition, lane.misplaced, lane.out_of_order)
