"""What was read over HTTP gives the same account as the table, sound or broken."""

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.ledger.drain import ReadLog
from loadtests.ledger.law import FOREIGN, WHOLE_PRODUCER, Stretch, compare
from loadtests.results import Accounting, Ledger, ProducerLedger


def one_by_one(partition: str, producer: int, sequences: Iterable[int]) -> list[Stretch]:
    return [Stretch(partition, producer, sequence, sequence) for sequence in sequences]


def ledger(*acknowledged: tuple[int, int]) -> Ledger:
    producers = tuple(
        ProducerLedger(producer=number, partition="p0", acknowledged=((0, last),))
        for number, last in acknowledged
    )
    return Ledger(run_tag="t1", queue="load-t1", producers=producers)


def account(read: Sequence[Stretch], asked: Ledger, scope: int = WHOLE_PRODUCER) -> Accounting:
    log = ReadLog()
    log.add(read)
    return compare(asked, log.stretches(scope), order_scope=scope)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 25)), max_size=40),
    st.sampled_from([5, 10, WHOLE_PRODUCER]),
)
def test_the_account_is_that_of_the_table(messages: list[tuple[int, int]], scope: int) -> None:
    """`stored.sql` gives the stretches of a producer in a partition, cut at each multiple of the scope."""
    log = ReadLog()
    for producer, sequence in messages:
        log.add([Stretch("p0", producer, sequence, sequence)])
    expected: list[Stretch] = []
    for producer in range(3):
        start = previous = None
        for sequence in [sequence for number, sequence in messages if number == producer]:
            if previous is None or sequence != previous + 1 or sequence % scope == 0:
                start = sequence
            else:
                expected.pop()
            assert start is not None
            expected.append(Stretch("p0", producer, start, sequence))
            previous = sequence
    assert list(log.stretches(scope)) == expected


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        (range(100), {}),
        ([n for n in range(100) if n != 41], {"lost": 1}),
        ([*range(60), 59, *range(60, 100)], {"duplicated": 1}),
        ([*range(50), 51, 50, *range(52, 100)], {"out_of_order": 1}),
        (range(101), {"unexplained": 1}),
    ],
)
def test_each_planted_fault_is_found(order: Iterable[int], fault: dict[str, int]) -> None:
    found = account(one_by_one("p0", 0, order), ledger((0, 99)))
    faults = {name: getattr(found, name) for name in ("lost", "duplicated", "unexplained", "out_of_order")}
    assert {name: count for name, count in faults.items() if count} == fault


def test_messages_of_others_are_unexplained() -> None:
    foreign = [Stretch("p0", FOREIGN, 0, 0)] * 3
    assert account([*one_by_one("p0", 0, range(10)), *foreign], ledger((0, 9))).unexplained == 3


def test_it_knows_when_it_has_read_all_that_was_acknowledged() -> None:
    log, asked = ReadLog(), ledger((0, 9), (1, 4))
    pieces = [Stretch("p0", 0, 0, 9), Stretch("p0", 1, 1, 4), Stretch("p0", 1, 0, 0)]
    random.Random(3).shuffle(pieces)
    for piece in pieces:
        assert not log.has_all(asked)
        log.add([piece])
    assert log.has_all(asked)


def test_memory_follows_the_gaps() -> None:
    log = ReadLog()
    for first in range(0, 1_000_000, 1000):
        log.add([Stretch("p0", 0, first, first + 999)])
    assert list(log.stretches(WHOLE_PRODUCER)) == [Stretch("p0", 0, 0, 999_999)]
