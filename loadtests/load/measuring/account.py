"""What became of one producer's messages, as intervals of sequence numbers.

While things go well all messages are one interval, however many there are: memory grows with the
number of changes, not of messages.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence

from loadtests.load.measuring.outcome import Fate
from loadtests.results import ProducerLedger


class IntervalList:
    """Disjoint closed intervals [first, last], rising, neighbours merged; made for appending.

    (`loadtests.ledger.intervals` has the immutable sets that the audit computes with.)
    """

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def add(self, first: int, last: int) -> None:
        """Add numbers that are not in it yet. O(1) when they follow the highest."""
        firsts, lasts = self._firsts, self._lasts
        if lasts and lasts[-1] + 1 == first:
            lasts[-1] = last
            return
        place = bisect_left(firsts, first)
        joins_left = place > 0 and lasts[place - 1] + 1 == first
        joins_right = place < len(firsts) and firsts[place] == last + 1
        if joins_left and joins_right:
            lasts[place - 1] = lasts.pop(place)
            del firsts[place]
        elif joins_left:
            lasts[place - 1] = last
        elif joins_right:
            firsts[place] = first
        else:
            firsts.insert(place, first)
            lasts.insert(place, last)

    def as_tuple(self) -> tuple[tuple[int, int], ...]:
        """The intervals, rising."""
        return tuple(zip(self._firsts, self._lasts, strict=True))


class ProducerAccount:
    """The fates of one producer's messages. A duplicate is stored, so it counts as acknowledged.

    `acknowledged` may be added to directly, in the hottest place; `in_flight` are its pushes without an
    answer yet: the first message of each, when it was due and when its sending began.
    """

    def __init__(self, producer: int, partition: str) -> None:
        self.producer = producer
        self.partition = partition
        self.in_flight: dict[int, tuple[float, float]] = {}  # kept by the producer
        self.begun_s = math.inf  # from when on it produces, an instant of `perf_counter`; never, so far
        self.ended_s = math.inf
        self.acknowledged = IntervalList()
        self._unknown = IntervalList()
        self._refused = IntervalList()

    def presence_s(self, start_s: float, end_s: float) -> float:
        """Seconds of that span in which it produced, or should have."""
        return max(0.0, min(end_s, self.ended_s) - max(start_s, self.begun_s))

    def settle(self, first: int, last: int, fates: Sequence[Fate]) -> None:
        """Enter the fate of messages `first` to `last`: one for all of them or one for each."""
        if len(fates) == 1:
            self._list(fates[0]).add(first, last)
            return
        for sequence, fate in enumerate(fates, start=first):
            self._list(fate).add(sequence, sequence)

    def ledger(self) -> ProducerLedger:
        """The account as it is written."""
        return ProducerLedger(
            producer=self.producer,
            partition=self.partition,
            acknowledged=self.acknowledged.as_tuple(),
            unknown=self._unknown.as_tuple(),
            refused=self._refused.as_tuple(),
        )

    def _list(self, fate: Fate) -> IntervalList:
        if fate is Fate.REFUSED:
            return self._refused
        return self._unknown if fate is Fate.UNKNOWN else self.acknowledged
