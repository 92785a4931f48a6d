"""Exact multisets of integers: how often each message was delivered, in memory that follows the gaps.

A multiset is kept in layers: layer k (from 1) is the set of numbers that are in it at least k times, as
closed intervals, so each layer lies within the one before. Ten million deliveries without a gap are one
interval. The sum of two multisets is exact, whatever was in them:

    at least n times in A + B  =  the union over i + j = n of (at least i in A) and (at least j in B)
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from loadtests.ledger.intervals import Interval, IntervalSet

Layers = tuple[tuple[Interval, ...], ...]


class Multiset:
    """A multiset that numbers are added to, by intervals. `layers` are those it starts with."""

    def __init__(self, layers: Iterable[Iterable[Interval]] = ()) -> None:
        self._layers = [_Layer(layer) for layer in layers]

    @property
    def layers(self) -> Layers:
        """The intervals of each layer, none of them empty."""
        return tuple(layer.intervals for layer in self._layers)

    @property
    def different(self) -> IntervalSet:
        """The numbers that are in it at all."""
        return self._layers[0].as_set() if self._layers else IntervalSet()

    @property
    def repeated(self) -> IntervalSet:
        """The numbers that are in it more than once."""
        return self._layers[1].as_set() if len(self._layers) > 1 else IntervalSet()

    @property
    def pieces(self) -> int:
        """How many intervals it is kept in, those of all layers together: memory follows them."""
        return sum(layer.pieces for layer in self._layers)

    def add(self, first: int, last: int) -> tuple[Interval, ...]:
        """Add each number of [first, last] once; returns those that were in it before, rising.

        O(log n) when they were not. Raises ValueError when the interval is reversed.
        """
        if last < first:
            raise ValueError(f"reversed interval [{first}, {last}]")
        before = rest = self._layer(0).add(first, last)
        level = 1
        while rest:
            layer, level = self._layer(level), level + 1
            rest = tuple(again for each in rest for again in layer.add(*each))
        return before

    def remove(self, first: int, last: int) -> int:
        """Take out every number of [first, last], however often it is there; returns how many these were."""
        removed = sum(layer.remove(first, last) for layer in self._layers)
        while self._layers and not self._layers[-1].pieces:
            self._layers.pop()
        return removed

    def following(self, number: int) -> int | None:
        """The lowest number in it that is greater than this one; None: there is none."""
        return self._layers[0].following(number) if self._layers else None

    def between(self, first: int, last: int) -> Iterator[Interval]:
        """The numbers in it that lie in [first, last], rising. O(log n) to the first of them."""
        return self._layers[0].between(first, last) if self._layers else iter(())

    def __add__(self, other: "Multiset") -> "Multiset":
        return Multiset(layer.intervals for layer in _added(self._sets(), other._sets()))

    def extra_over(self, *others: "Multiset") -> int:
        """How much of it is too much: each number may be there once, and once more for each in `others`."""
        return sum(len(extra) for extra in self._extra(others))

    def too_often(self, *others: "Multiset") -> IntervalSet:
        """The numbers of which `extra_over` says that there is too much."""
        return IntervalSet(interval for extra in self._extra(others) for interval in extra.intervals)

    def _extra(self, others: Iterable["Multiset"]) -> Iterator[IntervalSet]:
        """In each layer but the first: what none of the others explains."""
        allowed = sum(others, Multiset())._sets()
        again = self._sets()[1:]
        pairs = zip_longest(again, allowed[: len(again)], fillvalue=IntervalSet())
        return (there - explained for there, explained in pairs)

    def __len__(self) -> int:
        return sum(len(layer) for layer in self._sets())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Multiset) and self.layers == other.layers

    __hash__ = None  # type: ignore[assignment]  # it changes

    def _layer(self, level: int) -> "_Layer":
        if level == len(self._layers):
            self._layers.append(_Layer())
        return self._layers[level]

    def _sets(self) -> list[IntervalSet]:
        return [layer.as_set() for layer in self._layers]


class _Layer:
    """A set of integers that grows: disjoint closed intervals, rising, none touching the next."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        ordered = IntervalSet(intervals).intervals
        self._firsts = [first for first, _ in ordered]
        self._lasts = [last for _, last in ordered]

    @property
    def intervals(self) -> tuple[Interval, ...]:
        return tuple(zip(self._firsts, self._lasts, strict=True))

    def as_set(self) -> IntervalSet:
        return IntervalSet.in_order(zip(self._firsts, self._lasts, strict=True))

    @property
    def pieces(self) -> int:
        return len(self._firsts)

    def add(self, first: int, last: int) -> tuple[Interval, ...]:
        """Add an interval; returns what of it was there before."""
        firsts, lasts = self._firsts, self._lasts
        if not lasts or first > lasts[-1]:  # nearly always
            if lasts and first == lasts[-1] + 1:
                lasts[-1] = last
            else:
                firsts.append(first)
                lasts.append(last)
            return ()
        start = bisect_left(lasts, first - 1)  # the first interval that overlaps or touches,
        end = bisect_left(firsts, last + 2)  # and the first behind it that does not
        if start == end:
            firsts.insert(start, first)
            lasts.insert(start, last)
            return ()
        met = zip(firsts[start:end], lasts[start:end], strict=True)
        common = ((max(first, one), min(last, other)) for one, other in met)
        before = tuple((one, other) for one, other in common if one <= other)
        first, last = min(first, firsts[start]), max(last, lasts[end - 1])
        firsts[start:end], lasts[start:end] = [first], [last]
        return before

    def remove(self, first: int, last: int) -> int:
        """Take out what is in [first, last]; returns how many numbers these were."""
        firsts, lasts = self._firsts, self._lasts
        start, end = bisect_left(lasts, first), bisect_right(firsts, last)
        if first > last or start >= end:
            return 0
        met = list(zip(firsts[start:end], lasts[start:end], strict=True))
        kept = [(one, first - 1) for one, _ in met[:1] if one < first]
        kept += [(last + 1, other) for _, other in met[-1:] if other > last]
        firsts[start:end] = [one for one, _ in kept]
        lasts[start:end] = [other for _, other in kept]
        return sum(min(last, other) - max(first, one) + 1 for one, other in met)

    def following(self, number: int) -> int | None:
        """The lowest number in it above this one."""
        place = bisect_left(self._lasts, number + 1)
        return max(number + 1, self._firsts[place]) if place < len(self._lasts) else None

    def between(self, first: int, last: int) -> Iterator[Interval]:
        """What of it lies in [first, last], rising."""
        start = bisect_left(self._lasts, first)
        for place in range(start, bisect_right(self._firsts, last)):
            yield max(first, self._firsts[place]), min(last, self._lasts[place])


def _added(mine: Sequence[IntervalSet], theirs: Sequence[IntervalSet]) -> list[IntervalSet]:
    """The layers of a sum, none of them empty."""
    if not mine or not theirs:
        return [*mine, *theirs]
    layers = (IntervalSet(_at_least(count, mine, theirs)) for count in range(1, len(mine) + len(theirs) + 1))
    return [layer for layer in layers if len(layer)]


def _at_least(count: int, mine: Sequence[IntervalSet], theirs: Sequence[IntervalSet]) -> Iterator[Interval]:
    """What is in both together at least so often; an interval may come several times."""
    for of_mine in range(count + 1):
        of_theirs = count - of_mine
        if of_mine > len(mine) or of_theirs > len(theirs):
            continue
        if of_mine == 0:
            yield from theirs[of_theirs - 1].intervals
        elif of_theirs == 0:
            yield from mine[of_mine - 1].intervals
        else:
            yield from (mine[of_mine - 1] & theirs[of_theirs - 1]).intervals
