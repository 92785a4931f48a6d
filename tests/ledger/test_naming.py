"""Which messages are at fault: named for whoever looks for them, whatever there were of them."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.law import FOREIGN, WHOLE_PRODUCER, Stretch
from loadtests.ledger.naming import MOST_NAMED, Misplaced, Naming
from loadtests.results import FaultyMessages, Ledger, MessageRange, ProducerLedger, which
from tests.accounts import account_of

PLACES = [(producer, f"p{producer % 2}") for producer in range(3)]


def named(producer: int, partition: str, *ranges: tuple[int, int]) -> tuple[MessageRange, ...]:
    return tuple(
        MessageRange(producer=producer, partition=partition, first=first, last=last) for first, last in ranges
    )


def told(producer: int, acknowledged: Iterable[int], refused: Iterable[int] = ()) -> ProducerLedger:
    return ProducerLedger(
        producer=producer,
        partition=f"p{producer % 2}",
        acknowledged=IntervalSet((n, n) for n in acknowledged).intervals,
        refused=IntervalSet((n, n) for n in refused).intervals,
    )


def judged(producers: Iterable[ProducerLedger], stored: Iterable[Stretch]) -> dict[str, FaultyMessages]:
    found = account_of(Ledger(run_tag="t1", queue="load-t1", producers=tuple(producers)), stored)
    counts = {name: getattr(found, name) for name in ("lost", "duplicated", "unexplained", "out_of_order")}
    assert {name for name, count in counts.items() if count} >= {each.fault for each in found.faulty}
    return {each.fault: each for each in found.faulty}


def test_a_sound_load_names_nothing() -> None:
    assert judged([told(0, range(10))], [Stretch("p0", 0, 0, 9)]) == {}


def test_each_message_is_named_under_its_fault() -> None:
    producers = [told(1, range(100)), told(0, range(10), refused=[10, 11])]
    stored = [
        Stretch("p1", 1, 0, 40),
        Stretch("p1", 1, 42, 42),
        Stretch("p1", 1, 50, 99),
        Stretch("p1", 1, 7, 8),
        Stretch("p1", 1, 7, 7),
        Stretch("p0", 0, 0, 9),
        Stretch("p0", 0, 11, 12),
        Stretch("p0", 1, 3, 3),
        Stretch("p0", FOREIGN, 0, 0),
    ]
    assert judged(producers, stored) == {
        "lost": FaultyMessages(fault="lost", named=named(1, "p1", (41, 41), (43, 49))),
        "duplicated": FaultyMessages(fault="duplicated", named=named(1, "p1", (7, 8))),
        "unexplained": FaultyMessages(
            fault="unexplained", named=(*named(0, "p0", (11, 12)), *named(1, "p0", (3, 3))), more=1
        ),
        "out_of_order": FaultyMessages(
            fault="out_of_order",
            named=tuple(
                MessageRange(producer=1, partition="p1", first=first, last=last, before=7)
                for first, last in ((8, 40), (42, 42), (50, 99), (8, 8))
            ),
        ),
    }


@given(
    st.lists(st.lists(st.integers(0, 25), max_size=40), min_size=3, max_size=3),
    st.sampled_from([1, 5, WHOLE_PRODUCER]),
)
def test_each_message_that_is_named_as_out_of_order_was_stored_before_the_one_beside_it(
    stored: list[list[int]], scope: int
) -> None:
    asked = Ledger(run_tag="t1", queue="q", producers=tuple(told(number, range(20)) for number, _ in PLACES))
    log = [Stretch(partition, number, n, n) for number, partition in PLACES for n in stored[number]]
    account = account_of(asked, log, order_scope=scope)
    found = [each for each in account.faulty if each.fault == "out_of_order"]
    assert bool(found) == bool(account.out_of_order)
    for faulty in found:
        assert 0 < len(faulty.named) <= MOST_NAMED
        assert len(faulty.named) == MOST_NAMED or not faulty.more or len(set(log)) < len(log)
        assert sum(each.last - each.first + 1 for each in faulty.named) + faulty.more == account.out_of_order
        for each in faulty.named:
            assert each.before is not None
            where = stored[each.producer]
            behind = len(where) - 1 - where[::-1].index(each.before)
            for n in range(each.first, each.last + 1):
                assert each.before < n < 20
                assert each.before // scope == n // scope
                assert where.index(n) < behind


def test_of_many_that_are_out_of_order_those_that_show_first_are_named() -> None:
    backwards = [Stretch("p0", 0, n, n) for n in range(100, -1, -1)]
    (found,) = judged([told(0, range(101))], backwards).values()
    assert which("out_of_order", [found]).startswith(" (producer 0 in p0: 100 before 99, 99 before 98, ")
    assert (len(found.named), found.more) == (MOST_NAMED, 90)


def test_a_push_that_overtook_another_is_one_range() -> None:
    stored = [Stretch("p0", 0, 10, 19), Stretch("p0", 0, 0, 9), Stretch("p0", 0, 20, 29)]
    one_by_one = [Stretch("p0", 0, n, n) for each in stored for n in range(each.first, each.last + 1)]
    for log in (stored, one_by_one):
        (found,) = judged([told(0, range(30))], log).values()
        assert which("out_of_order", [found]) == " (producer 0 in p0: 10-19 before 0)"


def test_of_what_was_delivered_out_of_order_it_is_named_what_came_first() -> None:
    naming = Naming()
    naming.add_misplaced(3, "p1", (), 0)
    naming.add_misplaced(4, "p1", [Misplaced(7, 8, after=9), Misplaced(2, 2, after=5)], 5)
    assert which("out_of_order", naming.found()) == (
        " (producer 4 in p1: 7-8 after 9, 2 after 5; and 2 more)"
    )


@given(
    st.lists(st.sets(st.integers(0, 40)), min_size=3, max_size=3),
    st.lists(st.lists(st.integers(0, 40), max_size=60), min_size=3, max_size=3),
    st.randoms(use_true_random=False),
)
def test_the_first_are_named_and_the_others_counted_in_whatever_order_they_were_read(
    acknowledged: list[set[int]], stored: list[list[int]], dice: random.Random
) -> None:
    producers = [told(number, acknowledged[number]) for number, _ in PLACES]
    log = [Stretch(partition, number, n, n) for number, partition in PLACES for n in stored[number]]
    found = judged(producers, log)
    missing = [
        (number, n) for number, _ in PLACES for n in sorted(acknowledged[number] - set(stored[number]))
    ]
    lost = found.get("lost", FaultyMessages(fault="lost", named=()))
    said = [(each.producer, n) for each in lost.named for n in range(each.first, each.last + 1)]
    assert said == missing[: len(said)]
    assert len(said) + lost.more == len(missing)
    assert len(lost.named) == MOST_NAMED or not lost.more
    dice.shuffle(log)
    dice.shuffle(producers)
    of_any_order = judged(producers, log)
    for named_by_place in (found, of_any_order):
        named_by_place.pop("out_of_order", None)  # which are is a matter of the order within a lane
    assert of_any_order == found


def test_of_a_producer_that_was_lost_only_what_is_certain_is_named() -> None:
    heard = replace(told(0, range(10), refused=[12]), unheard=True)
    stored = [Stretch("p0", 0, 0, 8), Stretch("p0", 0, 12, 20)]
    assert judged([heard], stored) == {
        "lost": FaultyMessages(fault="lost", named=named(0, "p0", (9, 9))),
        "unexplained": FaultyMessages(fault="unexplained", named=named(0, "p0", (12, 12))),
    }


def test_what_is_named_does_not_grow_with_what_is_wrong() -> None:
    producers = [told(number, range(0, 4000, 2)) for number in range(20)]
    lost = judged(producers, [])["lost"]
    assert lost.named == named(0, "p0", *((n, n) for n in range(0, 2 * MOST_NAMED, 2)))
    assert lost.more == 20 * 2000 - MOST_NAMED


def test_a_long_stretch_is_one_range() -> None:
    naming = Naming()
    naming.add("lost", 4, "p4", IntervalSet())
    naming.add("lost", 5, "p5", IntervalSet([(0, 9_999_999)]))
    assert naming.found() == (FaultyMessages(fault="lost", named=named(5, "p5", (0, 9_999_999))),)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ((), ""),
        ((FaultyMessages(fault="duplicated", named=named(0, "p0", (1, 1))),), ""),
        ((FaultyMessages(fault="lost", named=named(0, "p0", (41, 41))),), " (producer 0 in p0: 41)"),
        (
            (
                FaultyMessages(
                    fault="lost",
                    named=(*named(0, "p0", (41, 41), (57, 58)), *named(3, "p1", (7, 7))),
                    more=1200,
                ),
            ),
            " (producer 0 in p0: 41, 57-58; producer 3 in p1: 7; and 1,200 more)",
        ),
    ],
)
def test_they_are_named_in_words(found: tuple[FaultyMessages, ...], words: str) -> None:
    assert which("lost", found) == words


def test_messages_without_a_number_of_a_producer_are_among_those_that_are_not_named() -> None:
    naming = Naming()
    naming.add_nameless("unexplained", 500)
    assert naming.found() == ()
    naming.add("unexplained", 0, "p0", IntervalSet([(20, 20)]))
    naming.add_nameless("unexplained", 500)
    (found,) = naming.found()
    assert which("unexplained", [found]) == " (producer 0 in p0: 20; and 500 more)"
