"""What the consumers of one group in one process received and gave up: the lanes of its part.

Messages come as stretches: pieces in which one producer's sequence numbers ascend by one. Memory follows
the gaps and the repeats, not the messages. All of it only grows, and sums over workers are exact.

A first delivery is out of order when a higher number of the same scope came before: that of a push in an
open loop, whose pushes overtake each other; all of a producer in a closed one.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from loadtests.ledger.intervals import Interval, IntervalSet
from loadtests.ledger.law import WHOLE_PRODUCER, Stretch
from loadtests.ledger.multiset import Multiset
from loadtests.load.part import Lane
from loadtests.load.plan import LoadPlan

GivenUp = Literal["nacked", "lapsed"]


def order_scope(plan: LoadPlan) -> int:
    """How many consecutive sequence numbers must come in order, see `loadtests.ledger.law`."""
    return plan.batch if plan.loop == "open" else WHOLE_PRODUCER


class GroupDeliveries:
    """The account of one group, kept by the consumers of one process.

    `earlier` are lanes of the same group whose deliveries came before all of these: they count for what
    is a first delivery, and are not part of this account.
    """

    def __init__(self, group: str, *, worker: int, scope: int, earlier: Iterable[Lane] = ()) -> None:
        self.group = group
        self._worker = worker
        self._scope = scope
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._earlier: dict[tuple[str, int], list[Lane]] = {}
        for lane in earlier:
            self._earlier.setdefault((lane.partition, lane.producer), []).append(lane)

    def taken(self, stretch: Stretch) -> tuple[Interval, ...]:
        """Messages were received, in this order; returns those of them that had been before."""
        return self._lane(stretch).take(stretch.first, stretch.last, self._scope)

    def given_up(self, stretch: Stretch, why: GivenUp) -> None:
        """Messages that were received may come again: once more for each time that they are given up."""
        lane = self._lane(stretch)
        (lane.nacked if why == "nacked" else lane.lapsed).add(stretch.first, stretch.last)

    def lanes(self) -> tuple[Lane, ...]:
        """The account until now."""
        return tuple(
            Lane(
                worker=self._worker,
                group=self.group,
                partition=partition,
                producer=producer,
                delivered=lane.delivered.layers,
                nacked=lane.nacked.layers,
                lapsed=lane.lapsed.layers,
                out_of_order=lane.out_of_order,
            )
            for (partition, producer), lane in sorted(self._lanes.items())
        )

    def _lane(self, stretch: Stretch) -> "_Lane":
        place = stretch.partition, stretch.producer
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(self._earlier.get(place, ()))
        return lane


class _Lane:
    def __init__(self, earlier: Sequence[Lane]) -> None:
        self.delivered = Multiset()
        self.nacked = Multiset()
        self.lapsed = Multiset()
        self.out_of_order = 0
        layers = (layer for lane in earlier for layer in lane.delivered[:1])
        met = IntervalSet(interval for layer in layers for interval in layer)
        self._met = Multiset([met.intervals]) if earlier else self.delivered

    def take(self, first: int, last: int, scope: int) -> tuple[Interval, ...]:
        before = self._met.add(first, last)
        if self._met is not self.delivered:
            self.delivered.add(first, last)
        new = (
            ((first, last),) if not before else (IntervalSet([(first, last)]) - IntervalSet(before)).intervals
        )
        self.out_of_order += sum(self._late(*piece, scope) for piece in new)
        return before

    def _late(self, first: int, last: int, scope: int) -> int:
        """How many of a piece came late: those of its last scope, if a higher one of it had been met.

        The other scopes of the piece hold nothing above it.
        """
        start = last - last % scope
        following = self._met.following(last)
        return last - max(first, start) + 1 if following is not None and following < start + scope else 0
