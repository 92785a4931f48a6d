"""Interval sets behave exactly like Python's sets of integers."""

from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loadtests.ledger.intervals import IntervalSet

intervals = st.lists(
    st.tuples(st.integers(-30, 60), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    max_size=12,
)


def as_set(pairs: Iterable[tuple[int, int]]) -> set[int]:
    return {number for first, last in pairs for number in range(first, last + 1)}


@given(intervals, intervals)
def test_operations_agree_with_sets(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    a, b = IntervalSet(left), IntervalSet(right)
    assert as_set((a | b).intervals) == as_set(left) | as_set(right)
    assert as_set((a & b).intervals) == as_set(left) & as_set(right)
    assert as_set((a - b).intervals) == as_set(left) - as_set(right)
    assert len(a) == len(as_set(left))
    assert (a == b) == (as_set(left) == as_set(right))


@given(intervals, intervals)
def test_intervals_are_ordered_and_never_touch(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    for result in (IntervalSet(left) | IntervalSet(right), IntervalSet(left) - IntervalSet(right)):
        for (_, last), (first, _) in zip(result.intervals, result.intervals[1:], strict=False):
            assert last + 1 < first


@given(intervals, st.integers(-40, 80), st.integers(0, 40))
@example([(0, 12)], 5, 0)  # nothing at all
def test_what_lies_between(given_: list[tuple[int, int]], first: int, length: int) -> None:
    last = first + length - 1
    found = list(IntervalSet(given_).between(first, last))
    assert as_set(found) == {number for number in as_set(given_) if first <= number <= last}
    assert len(IntervalSet(found).intervals) == len(found)


def test_equal_sets_have_equal_hashes() -> None:
    assert hash(IntervalSet([(1, 3), (4, 6)])) == hash(IntervalSet([(1, 6)]))


def test_a_reversed_interval_is_refused() -> None:
    with pytest.raises(ValueError, match=r"reversed interval \[3, 1\]"):
        IntervalSet([(3, 1)])
