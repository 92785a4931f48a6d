"""The law of a load, against counting message by message; what was read over HTTP, sound or broken."""

import random
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.ledger.law import FOREIGN, WHOLE_PRODUCER, StoredLog, Stretch, scope_of_order
from loadtests.results import Accounting, Cell, Ledger, ProducerLedger
from tests.accounts import account_of


def ledger(*producers: ProducerLedger) -> Ledger:
    return Ledger(run_tag="t1", queue="load-t1", producers=producers)


def acknowledged(producer: int, last: int, partition: str = "p0") -> ProducerLedger:
    return ProducerLedger(producer=producer, partition=partition, acknowledged=((0, last),))


def one_by_one(partition: str, producer: int, sequences: Iterable[int]) -> list[Stretch]:
    return [Stretch(partition, producer, sequence, sequence) for sequence in sequences]


def stretches_of(log: Iterable[int]) -> list[Stretch]:
    """What the query gives for one producer's log."""
    stretches: list[Stretch] = []
    for sequence in log:
        if stretches and stretches[-1].last + 1 == sequence:
            stretches[-1] = Stretch("p0", 0, stretches[-1].first, sequence)
        else:
            stretches.append(Stretch("p0", 0, sequence, sequence))
    return stretches


@given(
    st.lists(st.integers(0, 12), max_size=14),
    st.sets(st.integers(0, 12)),
    st.sets(st.integers(0, 12)),
    st.sampled_from([1, 2, 5, WHOLE_PRODUCER]),
)
def test_counts_agree_with_counting_message_by_message(
    log: list[int], acked: set[int], unsure: set[int], scope: int
) -> None:
    unsure -= acked
    producer = ProducerLedger(
        producer=0,
        partition="p0",
        acknowledged=tuple((n, n) for n in acked),
        unknown=tuple((n, n) for n in unsure),
    )
    found = account_of(ledger(producer), stretches_of(log), order_scope=scope)
    stored = set(log)
    assert found.stored == len(log)
    assert found.lost == len(acked - stored)
    assert found.duplicated == len(log) - len(stored)
    assert found.unexplained == len(stored - acked - unsure)
    assert found.unknown_stored == len(unsure & stored)
    in_order = [n for n in log if n in acked]
    assert found.out_of_order == sum(
        any(m < n and m // scope == n // scope for m in in_order[i:]) for i, n in enumerate(in_order)
    )


@given(
    st.lists(st.tuples(st.sampled_from(["p0", "p1"]), st.integers(0, 2), st.integers(0, 25)), max_size=40),
    st.sampled_from([1, 5, 10, WHOLE_PRODUCER]),
)
def test_how_producers_are_interleaved_does_not_matter(
    messages: list[tuple[str, int, int]], scope: int
) -> None:
    """The table comes by producer in long stretches; a reader meets message after message."""
    asked = ledger(acknowledged(0, 20), acknowledged(1, 25), acknowledged(2, 9, "p1"))
    as_read = [Stretch(partition, producer, n, n) for partition, producer, n in messages]
    as_stored = [
        Stretch(partition, producer, stretch.first, stretch.last)
        for partition in ("p1", "p0")
        for producer in range(3)
        for stretch in stretches_of(n for *lane, n in messages if lane == [partition, producer])
    ]
    assert account_of(asked, as_read, order_scope=scope) == account_of(asked, as_stored, order_scope=scope)


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
    found = account_of(ledger(acknowledged(0, 99)), one_by_one("p0", 0, order))
    assert faults(found) == fault


def faults(found: Accounting) -> dict[str, int]:
    counts = {name: getattr(found, name) for name in ("lost", "duplicated", "unexplained", "out_of_order")}
    return {name: count for name, count in counts.items() if count}


def test_messages_of_others_are_unexplained() -> None:
    foreign = [Stretch("p0", FOREIGN, 0, 0)] * 3
    found = account_of(ledger(acknowledged(0, 9)), [*one_by_one("p0", 0, range(10)), *foreign])
    assert (found.stored, faults(found)) == (13, {"unexplained": 3})


def test_a_message_in_the_wrong_partition_is_lost_where_it_belongs_and_unexplained_where_it_is() -> None:
    stored = [Stretch("p0", 0, 0, 8), Stretch("p1", 0, 9, 9)]
    assert faults(account_of(ledger(acknowledged(0, 9)), stored)) == {"lost": 1, "unexplained": 1}


def test_it_knows_when_it_has_read_all_that_was_acknowledged() -> None:
    log = StoredLog(ledger(acknowledged(0, 9), acknowledged(1, 4)), WHOLE_PRODUCER)
    pieces = [Stretch("p0", 0, 0, 9), Stretch("p0", 1, 1, 4), Stretch("p0", 1, 0, 0)]
    random.Random(3).shuffle(pieces)
    for piece in pieces:
        assert not log.has_all()
        log.add([piece])
    assert log.has_all()


def pushes(each: int, batch: int) -> Iterator[Stretch]:
    """Of ten producers of an open loop with a dozen in flight each, in one partition."""
    dice = random.Random(7)
    for first in range(0, each, 12 * batch):
        for producer in range(10):
            in_flight = list(range(first, min(first + 12 * batch, each), batch))
            for n in dice.sample(in_flight, len(in_flight)):
                yield Stretch("p0", producer, n, n + batch - 1)


@pytest.mark.parametrize("batch", [1, 10])
def test_memory_does_not_grow_with_the_messages(batch: int) -> None:
    each = 10_000 * batch
    asked = ledger(*(acknowledged(producer, each - 1) for producer in range(10)))
    log, most = StoredLog(asked, batch), 0
    for number, stretch in enumerate(pushes(each, batch)):
        log.add([stretch])
        if number % 97 == 0:
            most = max(most, log.pieces)
    assert most <= 10 * 14, "of each producer the pushes that overtook others, and all before them"
    assert log.pieces <= 20  # of each one interval that is there, and one in order
    assert faults(log.account()) == {}


def test_a_log_out_of_all_order_is_judged_in_seconds() -> None:
    """Each message takes away what it overtakes, once, however much stands behind."""
    sequences = list(range(100_000))
    random.Random(1).shuffle(sequences)
    found = account_of(ledger(acknowledged(0, 99_999)), one_by_one("p0", 0, sequences))
    assert (found.lost, found.duplicated, found.unexplained) == (0, 0, 0)
    assert found.out_of_order > 99_000


def test_an_open_loop_is_in_order_within_a_push_and_a_closed_one_throughout() -> None:
    assert scope_of_order(Cell(loop="open", batch=10)) == 10
    assert scope_of_order(Cell(loop="closed", batch=10)) == WHOLE_PRODUCER


def test_of_a_producer_that_was_lost_what_it_did_last_is_not_known_and_not_guessed() -> None:
    heard = ProducerLedger(
        producer=0, partition="p0", acknowledged=((0, 9),), refused=((10, 14),), unheard=True
    )
    stored = stretches_of([0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 16, 12])  # 9 is missing, 12 was refused
    found = account_of(ledger(heard, acknowledged(1, 0, "p1")), [*stored, Stretch("p1", 1, 0, 1)])
    assert (found.lost, found.duplicated) == (1, 1)  # certain, whatever it did last
    assert (found.unheard_producers, found.unheard_stored) == (1, 2)
    assert found.unexplained == 2  # 12, and what producer 1 never issued
    assert not found.complete
    assert not found.holds


def test_a_producer_that_was_lost_before_it_was_heard_of_is_unknown_and_not_unexplained() -> None:
    stored = [Stretch("p0", 0, 0, 4), Stretch("p1", 150, 0, 9), Stretch("p2", 300, 0, 1)]
    whole = Ledger(run_tag="t1", queue="load-t1", producers=(acknowledged(0, 4),), lost=((100, 199),))
    found = account_of(whole, stored)
    assert (found.unheard_producers, found.unheard_stored) == (1, 10)
    assert found.unexplained == 2  # of the third: its process was there to the end
    nothing_of_it = account_of(whole, stored[:1])
    assert (nothing_of_it.unheard_producers, nothing_of_it.unheard_processes) == (0, 1)  # may have consumed
    assert not nothing_of_it.complete  # nobody knows whether it had anything acknowledged


def test_a_producer_that_was_heard_of_has_no_messages_in_other_partitions_though_it_was_lost() -> None:
    heard = ProducerLedger(producer=150, partition="p1", acknowledged=((0, 9),), unheard=True)
    whole = Ledger(run_tag="t1", queue="load-t1", producers=(heard,), lost=((100, 199),))
    found = account_of(whole, [Stretch("p1", 150, 0, 11), Stretch("p2", 150, 12, 12)])
    assert (found.unheard_producers, found.unheard_stored) == (1, 2)
    assert faults(found) == {"unexplained": 1}
