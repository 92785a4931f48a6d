"""What a group received, against lists and counters that keep every single message."""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.law import WHOLE_PRODUCER, Stretch
from loadtests.ledger.multiset import Multiset
from loadtests.load.measuring.deliveries import GroupDeliveries, most_pieces, order_scope
from loadtests.load.measuring.part import Lane
from loadtests.load.plan import Consuming, LoadPlan

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


def late(received: Iterable[int], scope: int) -> set[int]:
    """Those that came first after one of a higher number of the same scope, one by one."""
    met: set[int] = set()
    found: set[int] = set()
    for number in received:
        if number not in met and any(other > number and other // scope == number // scope for other in met):
            found.add(number)
        met.add(number)
    return found


def said_late(lanes: Iterable[Lane]) -> set[int]:
    return {number for lane in lanes for first, last in lane.late for number in range(first, last + 1)}


@given(events, scopes)
def test_lanes_say_what_happened(happened: list[Event], scope: int) -> None:
    for lane in deliveries(happened, scope).lanes():
        for what, layers in (("taken", lane.delivered), ("nacked", lane.nacked), ("lapsed", lane.lapsed)):
            counted = Counter(n for layer in layers for a, b in layer for n in range(a, b + 1))
            assert counted == Counter(numbers(happened, what, lane.producer))
        assert said_late([lane]) == late(numbers(happened, "taken", lane.producer), scope)
        assert IntervalSet(lane.late).intervals == lane.late


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
        assert said_late(of_both) == late(received, scope)
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
    assert lane.late == ()
    (lane,) = deliveries(whole_pushes, scope=WHOLE_PRODUCER).lanes()
    assert lane.late == ((0, 9),)
    swapped = [("taken", Stretch("p0", 0, 5, 9)), ("taken", Stretch("p0", 0, 0, 4))]
    (lane,) = deliveries(swapped, scope=10).lanes()
    assert lane.late == ((0, 4),)


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


def test_what_came_when_its_lease_was_over_may_have_been_with_others_and_is_not_called_late() -> None:
    found = GroupDeliveries("g", worker=0, scope=WHOLE_PRODUCER)
    found.taken(Stretch("p0", 0, 10, 19))
    found.taken(Stretch("p0", 0, 0, 4), in_time=False)
    found.taken(Stretch("p0", 0, 0, 9))
    (lane,) = found.lanes()
    assert lane.delivered == (((0, 19),), ((0, 4),))
    assert lane.late == ((5, 9),)


def in_turns(limit: int, batches: int) -> GroupDeliveries:
    """Of two processes that take turns in a partition one, which fails a batch now and then."""
    found = GroupDeliveries("g", worker=1, scope=WHOLE_PRODUCER, most_pieces=limit)
    for number in range(batches):
        batch = Stretch("p0", 0, 20 * number, 20 * number + 9)
        found.taken(batch)
        if number % 10 == 9:
            found.given_up(batch, "nacked")
            found.taken(batch)
    return found


def pieces(lanes: Iterable[Lane]) -> int:
    return sum(len(layer) for lane in lanes for layer in (*lane.delivered, *lane.nacked, *lane.lapsed))


def test_an_account_below_its_limit_is_whole() -> None:
    (lane,) = in_turns(limit=120, batches=100).lanes()
    assert (lane.full, pieces([lane])) == (False, 120)


def test_an_account_at_its_limit_says_so_once_and_stays_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    most = pieces(in_turns(limit=120, batches=101).lanes())
    assert most == 121
    full = in_turns(limit=120, batches=10_000)
    (lane,) = full.lanes()
    assert (lane.full, pieces([lane])) == (True, most)
    full.taken(Stretch("p1", 7, 0, 9))
    assert full.lanes() == (lane,)
    assert [record.message.split(":")[0] for record in caplog.records] == ["g", "g"]


def test_there_is_no_going_on_from_a_full_account() -> None:
    full = in_turns(limit=10, batches=100)
    further = GroupDeliveries("g", worker=-1, scope=WHOLE_PRODUCER, earlier=full.lanes())
    assert further.taken(Stretch("p0", 0, 20, 39)) == ()
    assert further.lanes() == ()


def test_the_groups_of_a_process_share_its_room() -> None:
    plan = LoadPlan(host="h", trial_directory="x", run_tag="t", consuming=Consuming(groups=4))
    assert (most_pieces(plan), most_pieces(replace(plan, consuming=Consuming()))) == (25_000, 100_000)
