"""The law of a load: is every message accounted for? Pure; whoever reads the messages hands in stretches.

acknowledged ⊆ stored, and stored − acknowledged ⊆ unknown. A message that was acknowledged and is not
there is lost; one that is there twice is duplicated; one that is there although it was refused or never
issued is unexplained. Of a producer whose process was lost, what it did last is not known: what is there
and not in its lists is counted apart (`unheard_stored`), and everything else is judged as ever. A producer
that such a process had not yet told of has no list at all.

Order is judged by position within a producer and partition, among its acknowledged messages: a closed
loop sends one push after the answer to the other, so all of them must be in order; an open loop has
several pushes of a producer in flight at once, so only the messages of each push must be. (A push whose
outcome is unknown has no place in that order: it may be applied late.)
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from loadtests.ledger.intervals import IntervalSet
from loadtests.results import Accounting, Cell, Ledger

WHOLE_PRODUCER = 1 << 62  # sequences per scope of order: more than any producer sends
FOREIGN = -1  # producer of messages that are not of this load


@dataclass(frozen=True)
class Stretch:
    """A piece of a partition's log in which one producer's sequences ascend by one."""

    partition: str
    producer: int
    first: int
    last: int


def scope_of_order(cell: Cell) -> int:
    """How many consecutive sequences must be in order: those of a push in an open loop, else all."""
    return cell.batch if cell.loop == "open" else WHOLE_PRODUCER


def compare(ledger: Ledger, stored: Iterable[Stretch], *, order_scope: int = WHOLE_PRODUCER) -> Accounting:
    """The account of one load: `stored` are the table's stretches, by partition, producer and position.

    No stretch may reach over a multiple of `order_scope`.
    """
    lanes = {lane: list(stretches) for lane, stretches in groupby(stored, key=_lane)}
    in_table = {
        lane: IntervalSet((stretch.first, stretch.last) for stretch in stretches)
        for lane, stretches in lanes.items()
    }
    acknowledged = unknown = unknown_stored = lost = explained = out_of_order = unheard_stored = 0
    for producer in ledger.producers:
        lane = producer.partition, producer.producer
        there = in_table.get(lane, IntervalSet())
        acked, unsure = IntervalSet(producer.acknowledged), IntervalSet(producer.unknown)
        acknowledged += len(acked)
        unknown += len(unsure)
        unknown_stored += len(unsure & there)
        lost += len(acked - there)
        explained += len(there & (acked | unsure))
        if producer.unheard:
            unheard_stored += len(there - acked - unsure - IntervalSet(producer.refused))
        out_of_order += sum(
            _inverted(stretches, acked) for stretches in _scopes(lanes.get(lane, []), order_scope)
        )
    listed = {(producer.partition, producer.producer) for producer in ledger.producers}
    untold = {lane for lane in in_table.keys() - listed if _is_within(lane[1], ledger.lost)}
    unheard_stored += sum(len(in_table[lane]) for lane in untold)
    unheard_producers = sum(producer.unheard for producer in ledger.producers) + len(untold)
    rows = sum(stretch.last - stretch.first + 1 for stretches in lanes.values() for stretch in stretches)
    foreign = sum(
        len(stretches) for (_, producer_number), stretches in lanes.items() if producer_number == FOREIGN
    )
    distinct = sum(len(there) for (_, number), there in in_table.items() if number != FOREIGN)
    return Accounting(
        acknowledged=acknowledged,
        stored=rows,
        unknown=unknown,
        unknown_stored=unknown_stored,
        lost=lost,
        duplicated=rows - foreign - distinct,
        unexplained=distinct - explained - unheard_stored + foreign,
        out_of_order=out_of_order,
        unheard_producers=max(unheard_producers, len(ledger.lost)),
        unheard_stored=unheard_stored,
    )


def _is_within(number: int, intervals: Iterable[tuple[int, int]]) -> bool:
    return any(first <= number <= last for first, last in intervals)


def _inverted(stretches: Sequence[Stretch], acknowledged: IntervalSet) -> int:
    """Acknowledged messages of one scope that stand before a lower one. One pass from the end of the log."""
    inverted, lowest_behind = 0, WHOLE_PRODUCER
    for stretch in reversed(stretches):
        pieces = (IntervalSet([(stretch.first, stretch.last)]) & acknowledged).intervals
        inverted += sum(max(0, last - max(first, lowest_behind + 1) + 1) for first, last in pieces)
        if pieces:
            lowest_behind = min(lowest_behind, pieces[0][0])
    return inverted


def _lane(stretch: Stretch) -> tuple[str, int]:
    return stretch.partition, stretch.producer


def _scopes(stretches: Sequence[Stretch], order_scope: int) -> Iterator[Sequence[Stretch]]:
    """The stretches of each scope, still in the order of the log."""
    by_scope = sorted(stretches, key=lambda stretch: stretch.first // order_scope)
    for _, scope in groupby(by_scope, key=lambda stretch: stretch.first // order_scope):
        yield list(scope)
