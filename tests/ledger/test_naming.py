"""Which messages are at fault: named for whoever looks for them, whatever there were of them."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.law import FOREIGN, Stretch
from loadtests.ledger.naming import MOST_NAMED, Naming
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
    counts = {name: getattr(found, name) for name in ("lost", "duplicated", "unexplained")}
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
    }


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
    assert judged(producers, log) == found


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
