from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.measuring.account import IntervalList, ProducerAccount
from loadtests.load.measuring.outcome import Fate
from loadtests.results import ProducerLedger


@given(st.permutations(range(30)), st.sets(st.integers(0, 29)))
def test_intervals_in_any_order_hold_exactly_what_was_added(order: list[int], left_out: set[int]) -> None:
    intervals, size = IntervalList(), 3
    for place in order:
        if place not in left_out:
            intervals.add(place * size, place * size + size - 1)
    held = intervals.as_tuple()
    added = {number for place in set(order) - left_out for number in range(place * size, place * size + size)}
    assert [number for first, last in held for number in range(first, last + 1)] == sorted(added)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(held))  # neighbours are merged


def test_memory_does_not_grow_while_all_goes_well() -> None:
    account = ProducerAccount(0, "p0")
    for first in range(0, 100_000, 10):
        account.settle(first, first + 9, (Fate.ACKNOWLEDGED,))
    assert account.ledger().acknowledged == ((0, 99_999),)


def test_each_message_has_one_fate_and_a_duplicate_is_stored() -> None:
    account = ProducerAccount(4, "p4")
    account.settle(0, 3, (Fate.ACKNOWLEDGED, Fate.DUPLICATE, Fate.REFUSED, Fate.UNKNOWN))
    account.settle(4, 9, (Fate.REFUSED,))
    assert account.ledger() == ProducerLedger(
        producer=4, partition="p4", acknowledged=((0, 1),), refused=((2, 2), (4, 9)), unknown=((3, 3),)
    )
