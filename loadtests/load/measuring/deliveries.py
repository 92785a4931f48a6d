"""What the consumers of one group in one process received and gave up: the lanes of its part.

Messages come as stretches: pieces in which one producer's sequence numbers ascend by one. Memory follows
the gaps and the repeats, not the messages. All of it only grows, and sums over workers are exact.

Where consumers of several processes take turns in a partition, each batch is a gap to the others, and
failures are repeats: so there is a limit. An account that has reached it stays as it is and says so
(`full`); what is right and what is missing in its group is then not known.

A first delivery is late when a higher number of the same scope came before: that of a push in an open
loop, whose pushes overtake each other; all of a producer in a closed one. What is received when its lease
may be over already says nothing of that: others may have had it, and what comes behind it, in between.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Literal

from loadtests.ledger.intervals import Interval, IntervalSet
from loadtests.ledger.law import WHOLE_PRODUCER, Stretch
from loadtests.ledger.multiset import Multiset
from loadtests.ledger.naming import MOST_NAMED, Misplaced
from loadtests.load.measuring.part import Lane
from loadtests.load.plan import Consuming, LoadPlan, group_names

MOST_PIECES = 100_000  # intervals of all groups of one process: some 10 MB, and 1 MB in each report

GivenUp = Literal["nacked", "lapsed"]

logger = logging.getLogger(__name__)


def most_pieces(plan: LoadPlan) -> int:
    """How many intervals the account of one group may take in one process."""
    return MOST_PIECES // len(group_names(plan.consuming or Consuming()))


def order_scope(plan: LoadPlan) -> int:
    """How many consecutive sequence numbers must come in order, see `loadtests.ledger.law`."""
    return plan.batch if plan.loop == "open" else WHOLE_PRODUCER


class GroupDeliveries:
    """The account of one group, kept by the consumers of one process in at most `most_pieces` intervals.

    `earlier` are lanes of the same group whose deliveries came before all of these: they count for what
    is a first delivery, and are not part of this account. It can't go on from one that is full.
    """

    def __init__(
        self,
        group: str,
        *,
        worker: int,
        scope: int,
        earlier: Iterable[Lane] = (),
        most_pieces: int = MOST_PIECES,
    ) -> None:
        self.group = group
        self.is_full = False
        self._worker = worker
        self._scope = scope
        self._room = most_pieces
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._earlier: dict[tuple[str, int], list[Lane]] = {}
        for lane in earlier:
            self._earlier.setdefault((lane.partition, lane.producer), []).append(lane)
            self.is_full = self.is_full or lane.full

    def taken(self, stretch: Stretch, *, in_time: bool = True) -> tuple[Interval, ...]:
        """Messages were received, in this order; returns those of them that are known to have been before.

        `in_time`: their lease is certainly not over.
        """
        if self.is_full:
            return ()
        lane = self._lane(stretch)
        pieces = lane.pieces
        before, new = lane.take(stretch.first, stretch.last)
        for piece in new if in_time else ():
            lane.judge(*piece, self._scope)
        self._use(lane.pieces - pieces)
        return before

    def given_up(self, stretch: Stretch, why: GivenUp) -> None:
        """Messages that were received may come again: once more for each time that they are given up."""
        if self.is_full:
            return
        lane = self._lane(stretch)
        pieces = lane.pieces
        (lane.nacked if why == "nacked" else lane.lapsed).add(stretch.first, stretch.last)
        self._use(lane.pieces - pieces)

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
                late=lane.late.intervals,
                full=self.is_full,
                came_late=tuple(lane.came_late),
            )
            for (partition, producer), lane in sorted(self._lanes.items())
        )

    def _lane(self, stretch: Stretch) -> "_Lane":
        place = stretch.partition, stretch.producer
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(self._earlier.get(place, ()))
        return lane

    def _use(self, pieces: int) -> None:
        self._room -= pieces
        if self._room < 0:
            self.is_full = True
            logger.warning(
                "%s: the account of its deliveries is full: what is right and what is missing there is not "
                "known any more (several processes take turns in a partition, or many deliveries fail)",
                self.group,
            )


class _Lane:
    def __init__(self, earlier: Sequence[Lane]) -> None:
        self.delivered = Multiset()
        self.nacked = Multiset()
        self.lapsed = Multiset()
        self.came_late: list[Misplaced] = []
        self._late = Multiset()
        layers = (layer for lane in earlier for layer in lane.delivered[:1])
        met = IntervalSet(interval for layer in layers for interval in layer)
        self._met = Multiset([met.intervals]) if earlier else self.delivered

    @property
    def pieces(self) -> int:
        """How many intervals it is kept in."""
        return self.delivered.pieces + self.nacked.pieces + self.lapsed.pieces + self._late.pieces

    @property
    def late(self) -> IntervalSet:
        """What came for the first time after one of a higher number."""
        return self._late.different

    def take(self, first: int, last: int) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
        """Enter what was received; returns what of it had been before, and what had not."""
        before = self._met.add(first, last)
        if self._met is not self.delivered:
            self.delivered.add(first, last)
        if not before:
            return (), ((first, last),)
        return before, (IntervalSet([(first, last)]) - IntervalSet(before)).intervals

    def judge(self, first: int, last: int, scope: int) -> None:
        """Of a piece that came now its last scope is late, if a higher number of that had been met.

        The other scopes of the piece hold nothing above it.
        """
        start = last - last % scope
        following = self._met.following(last)
        if following is not None and following < start + scope:
            self._late.add(max(first, start), last)
            if len(self.came_late) < MOST_NAMED:
                self.came_late.append(Misplaced(max(first, start), last, after=following))
