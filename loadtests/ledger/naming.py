"""Names the first messages of each fault: memory follows the faults that there can be, not the messages."""

from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from loadtests.ledger.intervals import IntervalSet
from loadtests.results import FaultyMessages, MessageRange

MOST_NAMED = 10  # ranges of each fault
OUT_OF_ORDER = "out_of_order"


class Misplaced(Struct, frozen=True, order=True):
    """Messages `first` to `last` that are out of order, and one beside which that shows: one of the two."""

    first: int
    last: int
    before: int | None = None  # a lower one that was stored behind them
    after: int | None = None  # a higher one that was delivered before them


class Naming:
    """What was found of each fault, in the order in which it is added."""

    def __init__(self) -> None:
        self._named: dict[str, list[MessageRange]] = {}
        self._more: dict[str, int] = {}

    def add(self, fault: str, producer: int, partition: str, messages: IntervalSet) -> None:
        """These messages of a producer in a partition have this fault as well; there may be none."""
        if not messages.intervals:
            return
        named = self._named.setdefault(fault, [])
        kept = tuple(islice(messages.intervals, MOST_NAMED - len(named)))
        named += (
            MessageRange(producer=producer, partition=partition, first=first, last=last)
            for first, last in kept
        )
        unnamed = len(messages) - len(IntervalSet.in_order(kept))
        self._more[fault] = self._more.get(fault, 0) + unnamed

    def add_misplaced(self, producer: int, partition: str, first: Iterable[Misplaced], count: int) -> None:
        """So many messages of a producer in a partition are out of order, of which `first` are the first."""
        if not count:
            return
        named = self._named.setdefault(OUT_OF_ORDER, [])
        kept = [
            MessageRange(
                producer=producer,
                partition=partition,
                first=each.first,
                last=each.last,
                before=each.before,
                after=each.after,
            )
            for each in islice(first, MOST_NAMED - len(named))
        ]
        named += kept
        unnamed = count - sum(each.last - each.first + 1 for each in kept)
        self._more[OUT_OF_ORDER] = self._more.get(OUT_OF_ORDER, 0) + unnamed

    def add_nameless(self, fault: str, messages: int) -> None:
        """So many more have this fault and no number of a producer; where none is named they stay unsaid."""
        if fault in self._named:
            self._more[fault] += messages

    def found(self) -> tuple[FaultyMessages, ...]:
        """The faults that there are, by their names."""
        return tuple(
            FaultyMessages(fault=fault, named=tuple(named), more=self._more[fault])
            for fault, named in sorted(self._named.items())
        )
