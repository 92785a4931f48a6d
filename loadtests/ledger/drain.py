"""The log of a queue as somebody reads it from its start who takes every message: pages in, stretches out.

For servers whose table cannot be looked into. Memory follows the gaps and the changes of producer, not
the messages. Knows no sockets.
"""

from collections.abc import Iterable, Iterator

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.law import FOREIGN, Stretch
from loadtests.results import Ledger


class ReadLog:
    """What was read until now. A partition's messages come in the order in which they are stored."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, int], list[Stretch]] = {}

    def add(self, stretches: Iterable[Stretch]) -> None:
        """The next messages."""
        for stretch in stretches:
            lane = self._lanes.setdefault((stretch.partition, stretch.producer), [])
            joins = lane and lane[-1].last + 1 == stretch.first and stretch.producer != FOREIGN
            first = lane.pop().first if joins else stretch.first
            lane.append(Stretch(stretch.partition, stretch.producer, first, stretch.last))

    def has_all(self, ledger: Ledger) -> bool:
        """Whether every message that was acknowledged has been read."""
        return not any(
            len(IntervalSet(producer.acknowledged) - self._read(producer.partition, producer.producer))
            for producer in ledger.producers
        )

    def stretches(self, order_scope: int) -> Iterator[Stretch]:
        """By partition, producer and position; none reaches over a multiple of `order_scope`."""
        for _, lane in sorted(self._lanes.items()):
            for stretch in lane:
                yield from _pieces(stretch, order_scope)

    def _read(self, partition: str, producer: int) -> IntervalSet:
        return IntervalSet((each.first, each.last) for each in self._lanes.get((partition, producer), ()))


def _pieces(stretch: Stretch, scope: int) -> Iterator[Stretch]:
    first = stretch.first
    while first <= stretch.last:
        last = min(stretch.last, first - first % scope + scope - 1)
        yield Stretch(stretch.partition, stretch.producer, first, last)
        first = last + 1
