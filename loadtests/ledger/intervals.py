"""Exact sets of integers, kept as closed intervals.

A producer numbers its messages 0, 1, 2, …; what became of them is a handful of intervals however many
messages there were. The rule everything here obeys: the intervals of a set are in order, do not
overlap and do not touch ([1, 3] and [4, 5] are one interval), so two equal sets have equal intervals.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

Interval = tuple[int, int]


class IntervalSet:
    """An immutable set of integers; `IntervalSet([(0, 9), (20, 20)])` holds eleven of them.

    `|`, `&` and `-` are union, intersection and difference, `len` is the number of integers. The
    intervals given may be in any order and may overlap. Raises ValueError when one is reversed.
    """

    __slots__ = ("_intervals",)

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        self._intervals = tuple(_merged(sorted(intervals)))

    @classmethod
    def in_order(cls, intervals: Iterable[Interval]) -> "IntervalSet":
        """Of intervals that obey the rule already: they are not looked at."""
        made = cls()
        made._intervals = tuple(intervals)
        return made

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The closed intervals [first, last], in order, none touching the next."""
        return self._intervals

    def between(self, first: int, last: int) -> Iterator[Interval]:
        """What of it lies in [first, last], rising. O(log n) to the first of them."""
        start = bisect_left(self._intervals, first, key=_last)
        for place in range(start, len(self._intervals)):
            one, other = self._intervals[place]
            if one > last or first > last:
                return
            yield max(first, one), min(last, other)

    def __or__(self, other: "IntervalSet") -> "IntervalSet":
        return IntervalSet((*self._intervals, *other._intervals))

    def __and__(self, other: "IntervalSet") -> "IntervalSet":
        return IntervalSet.in_order(_common(self._intervals, other._intervals))

    def __sub__(self, other: "IntervalSet") -> "IntervalSet":
        return IntervalSet.in_order(_remaining(self._intervals, other._intervals))

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self._intervals)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IntervalSet) and self._intervals == other._intervals

    def __hash__(self) -> int:
        return hash(self._intervals)

    def __repr__(self) -> str:
        return f"IntervalSet({list(self._intervals)})"


def _last(interval: Interval) -> int:
    return interval[1]


def _merged(ordered: list[Interval]) -> Iterator[Interval]:
    """Join what overlaps or touches."""
    current: Interval | None = None
    for first, last in ordered:
        if last < first:
            raise ValueError(f"reversed interval [{first}, {last}]")
        if current is None:
            current = (first, last)
        elif first <= current[1] + 1:
            current = (current[0], max(current[1], last))
        else:
            yield current
            current = (first, last)
    if current is not None:
        yield current


def _common(left: tuple[Interval, ...], right: tuple[Interval, ...]) -> Iterator[Interval]:
    """What is in both; one pass over each."""
    i = j = 0
    while i < len(left) and j < len(right):
        first, last = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if first <= last:
            yield first, last
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1


def _remaining(left: tuple[Interval, ...], right: tuple[Interval, ...]) -> Iterator[Interval]:
    """What is in `left` alone; one pass over each."""
    j = 0
    for first, last in left:
        while j < len(right) and right[j][1] < first:
            j += 1
        start, k = first, j
        while k < len(right) and right[k][0] <= last:
            if start < right[k][0]:
                yield start, right[k][0] - 1
            start = right[k][1] + 1
            k += 1
        if start <= last:
            yield start, last
