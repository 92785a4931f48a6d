"""One producer's messages in one partition, in the order of the log, as they are read: stretch by stretch.

What is there is a multiset, in which pushes that overtook each other close up again. Of the order it knows
which acknowledged messages *stand*: no lower one of their scope has come behind them yet. One that comes
takes all higher ones of its scope away, and those are the messages out of order. So memory follows the
gaps, the repeats and what is out of order, however many stretches the log is made of.
"""

from itertools import islice

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.multiset import Multiset
from loadtests.ledger.naming import MOST_NAMED, Misplaced


class LaneLog:
    """What was read until now. A scope is `order_scope` consecutive sequences, from a multiple of it on."""

    def __init__(self, acknowledged: IntervalSet, order_scope: int) -> None:
        self.messages = 0  # repeats included
        self.out_of_order = 0  # acknowledged messages that stand before a lower one of their scope
        self.misplaced: list[Misplaced] = []  # the first of them, in the order in which that was found out
        self._acknowledged = acknowledged
        self._scope = order_scope
        self._there = Multiset()
        self._standing = Multiset()

    @property
    def there(self) -> IntervalSet:
        """The different messages."""
        return self._there.different

    @property
    def again(self) -> IntervalSet:
        """The messages that were read more than once."""
        return self._there.repeated

    @property
    def missing(self) -> IntervalSet:
        """Acknowledged messages that have not been read."""
        return self._acknowledged - self.there

    @property
    def pieces(self) -> int:
        """How many intervals it is kept in."""
        return self._there.pieces + self._standing.pieces

    def add(self, first: int, last: int) -> None:
        """The next stretch: its sequences ascend by one."""
        self.messages += last - first + 1
        self._there.add(first, last)
        if self._scope == 1:
            return  # one message alone is in order
        for piece in self._acknowledged.between(first, last):
            self._take_away(*piece)
            self._standing.add(*piece)

    def _take_away(self, first: int, last: int) -> None:
        """In each scope of a piece that comes now, what is higher than the lowest message of the piece."""
        lowest = first
        while lowest <= last:
            end = lowest - lowest % self._scope + self._scope - 1
            higher = self._standing.following(lowest)
            if higher is not None and higher <= end:
                self._misplace(higher, end, lowest)
            following = self._standing.following(end)
            if following is None:
                return
            lowest = following - following % self._scope  # of the next scope in which anything stands

    def _misplace(self, first: int, last: int, before: int) -> None:
        """What stands there was stored before that lower message, which comes now."""
        pieces = islice(self._standing.between(first, last), MOST_NAMED - len(self.misplaced))
        self.misplaced += (Misplaced(*piece, before=before) for piece in pieces)
        self.out_of_order += self._standing.remove(first, last)
