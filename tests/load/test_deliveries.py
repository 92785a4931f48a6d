"""What a group received, against lists and counters that keep every single message."""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from loadtests.ledger.law import WHOLE_PRODUCER, Stretch
from loadtests.ledger.multiset import Multiset
from loadtests.load.deliveries import GroupDeliveries, order_scope
from loadtests.load.part import Lane
from loadtests.load.plan import LoadPlan

Event = tuple[str, Stretch]
stretches = st.builds(
    lambda producer, first, length: Stretch("p0", producer, first, first + length),
    st.integers(0, 1),
    st.integers(0, 30),
    st.integers(0, 6),
)
events = st.lists(st.tuples(st.sampled_from(["taken", "nacked", "lapsed"]), stretches), max_size=20)
scopes = st.sampled_from([4, 10, WHOLE_PRODUCER])


def deliveries(
    happened: Iterable[Event], scope: int = WHOLE_PRODUCER, worker: int = 0, earlier: Sequence[Lane] = ()
) -> GroupDeliveries:
    found = GroupDeliveries("g", worker=worker, scope=scope, earlier=earlier)
    for what, stretch in happened:
        if what == "taken":
            found.taken(stretch)
        else:
            found.given_up(stretch, "nacked" if what == "nacked" else "lapsed")
    return found


def numbers(happened: Iterable[Event], what: str, producer: int) -> list[int]:
    return [
        number
        for kind, stretch in happened
        if kind == what and stretch.producer == producer
        for number in range(stretch.first, stretch.last + 1)
    ]


def late(received: Iterable[int], scope: int) -> int:
    """First deliveries after one of a higher number of the same scope, one by one."""
    met: set[int] = set()
    found = 0
    for number in received:
        if number not in met:
            found += any(other > number and other // scope == number // scope for other in met)
        met.add(number)
    return found


@given(events, scopes)
def test_lanes_say_what_happened(happened: list[Event], scope: int) -> None:
    for lane in deliveries(happened, scope).lanes():
        for what, layers in (("taken", lane.delivered), ("nacked", lane.nacked), ("lapsed", lane.lapsed)):
            counted = Counter(n for layer in layers for a, b in layer for n in range(a, b + 1))
            assert counted == Counter(numbers(happened, what, lane.producer))
        assert lane.out_of_order == late(numbers(happened, "taken", lane.producer), scope)


@given(events, st.integers(1, 4), st.randoms(use_true_random=False))
def test_shards_of_one_stream_add_up_to_the_whole(happened: list[Event], shards: int, dice: Random) -> None:
    dealt = [dice.randrange(shards) for _ in happened]
    parts = [
        deliveries([event for event, to in zip(happened, dealt, strict=True) if to == shard], worker=shard)
        for shard in range(shards)
    ]
    for whole in deliveries(happened).lanes():
        for field in ("delivered", "nacked", "lapsed"):
            pieces = [
                Multiset(getattr(lane, field))
                for part in parts
                for lane in part.lanes()
                if lane.producer == whole.producer
            ]
            assert sum(pieces, Multiset()).layers == getattr(whole, field)


@given(events, events, scopes)
def test_what_came_earlier_counts_for_the_order_alone(
    before: list[Event], after: list[Event], scope: int
) -> None:
    first = deliveries(before, scope)
    second = deliveries(after, scope, worker=-1, earlier=first.lanes())
    for producer in (0, 1):
        of_both = [lane for part in (first, second) for lane in part.lanes() if lane.producer == producer]
        received = numbers([*before, *after], "taken", producer)
        assert sum(lane.out_of_order for lane in of_both) == late(received, scope)
        together = sum((Multiset(lane.delivered) for lane in of_both), Multiset())
        assert len(together) == len(received)


def test_a_delivery_tells_what_had_come_before() -> None:
    found = GroupDeliveries("g", worker=0, scope=10)
    assert found.taken(Stretch("p0", 3, 0, 9)) == ()
    assert found.taken(Stretch("p0", 3, 5, 14)) == ((5, 9),)
    assert found.taken(Stretch("p1", 3, 0, 9)) == ()  # another lane


def test_pushes_of_an_open_loop_may_overtake_each_other_and_messages_of_a_push_may_not() -> None:
    whole_pushes = [("taken", Stretch("p0", 0, 10, 19)), ("taken", Stretch("p0", 0, 0, 9))]
    (lane,) = deliveries(whole_pushes, scope=10).lanes()
    assert lane.out_of_order == 0
    (lane,) = deliveries(whole_pushes, scope=WHOLE_PRODUCER).lanes()
    assert lane.out_of_order == 10
    swapped = [("taken", Stretch("p0", 0, 5, 9)), ("taken", Stretch("p0", 0, 0, 4))]
    (lane,) = deliveries(swapped, scope=10).lanes()
    assert lane.out_of_order == 5


def test_the_scope_of_order_is_the_push_of_an_open_loop() -> None:
    plan = LoadPlan(host="h", trial_directory="x", run_tag="t", batch=20, loop="open", rate_msg_s=1.0)
    assert order_scope(plan) == 20
    assert order_scope(LoadPlan(host="h", trial_directory="x", run_tag="t")) == WHOLE_PRODUCER


def test_ten_million_deliveries_with_failures_now_and_then_take_less_than_a_mebibyte() -> None:
    found = GroupDeliveries("g", worker=0, scope=1000)
    for first in range(0, 10_000_000, 1000):
        stretch = Stretch("p0", 0, first, first + 999)
        found.taken(stretch)
        if first % 50_000 == 0:
            found.given_up(stretch, "nacked")
            found.taken(stretch)
    (lane,) = found.lanes()
    assert len(msgspec.msgpack.encode(lane)) < 1 << 20
    assert Multiset(lane.delivered).extra_over(Multiset(lane.nacked)) == 0
    assert len(Multiset(lane.delivered)) == 10_000_000 + 200 * 1000
