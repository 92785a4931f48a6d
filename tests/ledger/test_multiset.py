"""Multisets behave exactly like Python's counters of integers."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.multiset import Multiset

Intervals = list[tuple[int, int]]
intervals = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair))), max_size=10
)


def made(added: Iterable[tuple[int, int]]) -> Multiset:
    found = Multiset()
    for first, last in added:
        found.add(first, last)
    return found


def counted(added: Iterable[tuple[int, int]]) -> Counter[int]:
    return Counter(number for first, last in added for number in range(first, last + 1))


def as_counter(multiset: Multiset) -> Counter[int]:
    return counted(interval for layer in multiset.layers for interval in layer)


@given(intervals)
def test_it_counts_what_was_added(added: Intervals) -> None:
    assert as_counter(made(added)) == counted(added)
    assert len(made(added)) == counted(added).total()


@given(intervals, st.integers(0, 40), st.integers(0, 12))
def test_adding_tells_what_was_there_before(added: Intervals, first: int, length: int) -> None:
    last = first + length
    before = counted(added).keys() & set(range(first, last + 1))
    found = made(added).add(first, last)
    assert set(counted(found)) == before
    assert all(one[1] < other[0] for one, other in pairwise(found))


@given(intervals)
def test_layers_lie_within_each_other_and_their_intervals_never_touch(added: Intervals) -> None:
    layers = made(added).layers
    assert all(layers)
    for layer in layers:
        assert all(one[1] + 1 < other[0] for one, other in pairwise(layer))
    for outer, inner in pairwise(layers):
        assert counted(inner).keys() <= counted(outer).keys()


@given(intervals, st.randoms(use_true_random=False), st.integers(0, 10))
def test_the_sum_of_shards_is_the_whole(added: Intervals, dice: Random, at: int) -> None:
    shuffled = list(added)
    dice.shuffle(shuffled)
    assert made(shuffled[:at]) + made(shuffled[at:]) == made(added)


@given(intervals, intervals)
def test_the_sum_counts_as_counters_do(left: Intervals, right: Intervals) -> None:
    assert as_counter(made(left) + made(right)) == counted(left) + counted(right)


@given(intervals, intervals, intervals)
def test_extra_is_what_nothing_allows(delivered: Intervals, nacked: Intervals, lapsed: Intervals) -> None:
    allowed = counted(nacked) + counted(lapsed)
    expected = sum(max(0, count - 1 - allowed[number]) for number, count in counted(delivered).items())
    assert made(delivered).extra_over(made(nacked), made(lapsed)) == expected
    too_often = {number for number, count in counted(delivered).items() if count > 1 + allowed[number]}
    assert numbers_of(made(delivered).too_often(made(nacked), made(lapsed))) == too_often


@given(intervals)
def test_what_is_there_more_than_once(added: Intervals) -> None:
    repeated = {number for number, count in counted(added).items() if count > 1}
    assert numbers_of(made(added).repeated) == repeated


def numbers_of(found: IntervalSet) -> set[int]:
    return {number for first, last in found.intervals for number in range(first, last + 1)}


@given(intervals, st.integers(-1, 55))
def test_the_following_number(added: Intervals, number: int) -> None:
    assert made(added).following(number) == min((n for n in counted(added) if n > number), default=None)


@given(intervals, st.integers(-1, 55), st.integers(0, 20))
@example([(0, 12)], 5, 0)  # nothing at all
def test_what_is_removed_is_gone_however_often_it_was_there(
    added: Intervals, first: int, length: int
) -> None:
    last = first + length - 1
    found, expected = made(added), counted(added)
    removed = found.remove(first, last)
    assert removed == sum(count for number, count in expected.items() if first <= number <= last)
    left = [(n, n) for n in expected.elements() if not first <= n <= last]
    assert found == made(left)
    assert found.pieces == sum(len(layer) for layer in found.layers)


@given(intervals)
def test_it_can_be_taken_up_again(added: Intervals) -> None:
    again = Multiset(made(added).layers)
    again.add(3, 7)
    assert again == made([*added, (3, 7)])


def test_a_reversed_interval_is_refused() -> None:
    with pytest.raises(ValueError, match=r"reversed interval \[3, 2\]"):
        Multiset().add(3, 2)


def test_ten_million_deliveries_are_one_interval() -> None:
    delivered = Multiset()
    for first in range(0, 10_000_000, 1000):
        delivered.add(first, first + 999)
    delivered.add(5, 9)
    assert delivered.layers == (((0, 9_999_999),), ((5, 9),))
