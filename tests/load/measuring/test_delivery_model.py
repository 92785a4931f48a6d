"""A server that keeps its word is never accused, whatever consumers of two processes do; any other is.

The server is the ack rule in a dozen lines: one partition, one group, a position and at most one lease.
"""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from loadtests.ledger.law import WHOLE_PRODUCER, Stretch
from loadtests.ledger.multiset import Multiset
from loadtests.load.consuming.held_batch import HeldBatch
from loadtests.load.consuming.taking import PoppedMessage, stretches
from loadtests.load.measuring.deliveries import GroupDeliveries
from loadtests.load.measuring.group_accounts import DRAIN, group_accounts
from loadtests.load.measuring.part import Part
from loadtests.results import GroupAccount, ProducerLedger, WorkerShare

LOG = [(producer, sequence) for sequence in range(12) for producer in range(2)]  # of two closed loops
WORKERS = 2


class Held:
    """A batch in a consumer's hands: where it starts, and whether the server still knows of its lease."""

    def __init__(self, start: int, batch: HeldBatch) -> None:
        self.start = start
        self.batch = batch
        self.places = range(len(batch.messages))
        self.is_leased = True


class World:
    """The server, the consumers of two processes, and what they enter in their accounts."""

    def __init__(self) -> None:
        self.position = 0
        self.leased: Held | None = None
        self.is_taken = False  # by a pop whose answer has not come
        self.under_way: list[tuple[int, list[PoppedMessage]]] = []  # such answers, by worker
        self.held: list[Held] = []
        self.accounts = [GroupDeliveries("g", worker=each, scope=WHOLE_PRODUCER) for each in range(WORKERS)]

    def pop(self, worker: int, most: int, *, answered: bool = True) -> None:
        if self.leased is not None or self.is_taken or self.position == len(LOG):
            return
        found = [message(*each) for each in LOG[self.position :][:most]]
        if not answered:
            self.is_taken = True
            self.under_way.append((worker, found))
            return
        self.leased = Held(self.position, HeldBatch(found, self.accounts[worker], "t"))
        self.held.append(self.leased)

    def arrive(self, which: int) -> None:
        """An answer comes that was long under way, to one who knows that it is too late."""
        if self.under_way:
            worker, found = self.under_way.pop(which % len(self.under_way))
            HeldBatch(found, self.accounts[worker], "t", in_time=False).lapse()

    def acknowledge(self, which: int, *, answered: bool = True) -> None:
        """All of a batch; without an answer its consumer does not know whether it was done."""
        if (held := self._of(which)) is None:
            return
        if held.is_leased:
            self._release(held.start + len(held.places))
            if answered:
                held.batch.settle(held.places)
        held.batch.lapse()

    def give_back(self, which: int, place: int) -> None:
        """The message at a place has failed."""
        if (held := self._of(which)) is None:
            return
        place %= len(held.places)
        held.batch.give_up(held.batch.behind(place), "nacked")
        if held.is_leased:
            self._release(held.start + place)
            held.batch.settle(range(place))
        held.batch.lapse()

    def expire(self) -> None:
        """The lease is over; whoever has the batch knows it a little before, and keeps it."""
        if self.leased is not None:
            self.leased.batch.lapse()
        self._release(self.position)

    def account(self) -> GroupAccount:
        """The end: what is held is let go of, and the rest is read."""
        for held in self.held:
            held.batch.lapse()
        lanes = [lane for account in self.accounts for lane in account.lanes()]
        rest = GroupDeliveries("g", worker=DRAIN, scope=WHOLE_PRODUCER, earlier=lanes)
        for stretch in stretches([message(*each) for each in LOG[self.position :]], "t"):
            rest.taken(stretch)
        lanes += rest.lanes()
        (found,) = group_accounts(part(lanes), drained=True)
        repeats = sum(len(Multiset(lane.delivered)) for lane in lanes) - found.delivered
        assert found.again is not None and found.unexplained is not None
        assert found.again + found.unexplained == repeats, "what came again has a reason or has none"
        return found

    def _of(self, which: int) -> Held | None:
        return self.held.pop(which % len(self.held)) if self.held else None

    def _release(self, position: int) -> None:
        self.position = position
        if self.leased is not None:
            self.leased.is_leased = False
        self.leased, self.is_taken = None, False


def message(producer: int, sequence: int) -> PoppedMessage:
    return PoppedMessage(f"t-{producer}-{sequence}", "id", partition="p0")


def part(lanes: Any) -> Part:
    last = LOG[-1][1]
    return Part(
        run_tag="t",
        window=1,
        started_at="2026-01-01T00:00:00.000+00:00",
        started_monotonic_s=0.0,
        warmup_s=0.0,
        ledger=tuple(ProducerLedger(producer=n, partition="p0", acknowledged=((0, last),)) for n in (0, 1)),
        lanes=tuple(lanes),
        workers=tuple(
            WorkerShare(worker=n, host="h", cpu_s=0.1, measured_s=1.0, producers=1, heard_at="2026-01-01")
            for n in range(WORKERS)
        ),
    )


workers, places, yes_or_no = st.integers(0, WORKERS - 1), st.integers(0, 5), st.booleans()
actions = st.lists(
    st.one_of(
        st.tuples(st.just("pop"), workers, st.integers(1, 5), yes_or_no),
        st.tuples(st.just("acknowledge"), places, yes_or_no),
        st.tuples(st.just("give back"), places, places),
        st.tuples(st.just("arrive"), places),
        st.tuples(st.just("expire")),
    ),
    max_size=40,
)


def lived(happened: list[tuple[Any, ...]]) -> World:
    world = World()
    for what, *how in happened:
        if what == "pop":
            world.pop(how[0], how[1], answered=how[2])
        elif what == "acknowledge":
            world.acknowledge(how[0], answered=how[1])
        elif what == "arrive":
            world.arrive(*how)
        elif what == "give back":
            world.give_back(*how)
        else:
            world.expire()
    return world


TOO_LATE: list[
    tuple[Any, ...]
] = [  # meanwhile the other process has had it, and this one what comes behind it
    ("pop", 0, 2, False),
    ("expire",),
    ("pop", 1, 2, True),
    ("acknowledge", 0, True),
    ("pop", 0, 2, True),
    ("acknowledge", 0, True),
    ("arrive", 0),
]


@given(actions)
@example(TOO_LATE)
def test_a_server_that_keeps_its_word_is_not_accused(happened: list[tuple[Any, ...]]) -> None:
    found = lived(happened).account()
    assert found.holds
    assert (found.delivered, found.undelivered) == (len(LOG), 0)


takes = st.lists(st.tuples(workers, st.integers(1, 5)), max_size=12)


def served(took: list[tuple[int, int]]) -> World:
    """All went well."""
    world = World()
    for worker, most in took:
        world.pop(worker, most)
        world.acknowledge(0)
    return world


@given(takes, takes, st.integers(1, 5))
def test_what_is_delivered_once_more_without_a_reason_is_found(
    before: list[tuple[int, int]], after: list[tuple[int, int]], back: int
) -> None:
    world = served([(0, 1), *before])
    again = min(back, world.position)
    world.position -= again
    for worker, most in after:
        world.pop(worker, most)
        world.acknowledge(0)
    assert world.account().unexplained == again


@given(takes, takes, st.integers(1, 5))
def test_what_is_never_delivered_is_found(
    before: list[tuple[int, int]], after: list[tuple[int, int]], forth: int
) -> None:
    world = served(before)
    left_out = min(forth, len(LOG) - world.position)
    world.position += left_out
    for worker, most in after:
        world.pop(worker, most)
        world.acknowledge(0)
    found = world.account()
    assert (found.undelivered, found.unexplained, found.holds) == (left_out, 0, left_out == 0)


def test_what_comes_after_a_later_one_is_found() -> None:
    world = World()
    world.position = 4
    world.pop(0, 2)
    world.acknowledge(0)
    for stretch in (Stretch("p0", 0, 0, 1), Stretch("p0", 1, 0, 1)):
        world.accounts[0].taken(stretch)
    found = world.account()
    assert found.out_of_order == 4
    assert "(producer 0 in p0: 0-1 after 2; producer 1 in p0: 0-1 after 2)" in found.faults[-1]
