"""The messages of one pop, from their receipt until each of them is acknowledged or given up, once."""

from collections.abc import Collection, Iterable, Sequence

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.law import FOREIGN, Stretch
from loadtests.load.consuming.taking import PoppedMessage, stretches
from loadtests.load.measuring.deliveries import GivenUp, GroupDeliveries


class HeldBatch:
    """Enters the receipt in the group's account. Places count from 0, in the order of the answer.

    `in_time`: the lease is certainly not over.
    """

    def __init__(
        self,
        messages: Sequence[PoppedMessage],
        deliveries: GroupDeliveries,
        run_tag: str,
        *,
        in_time: bool = True,
    ) -> None:
        self.messages = messages
        self._deliveries = deliveries
        self._run_tag = run_tag
        self._open = dict.fromkeys(range(len(messages)))  # neither acknowledged nor given up
        self._again: dict[int, None] = {}  # received before
        place = 0
        for stretch in self._stretches(self._open):
            count = stretch.last - stretch.first + 1
            if stretch.producer != FOREIGN:
                before = IntervalSet(deliveries.taken(stretch, in_time=in_time))
                for first, last in before.intervals:
                    start = place + first - stretch.first
                    self._again |= dict.fromkeys(range(start, start + last - first + 1))
            place += count

    def new_messages(self) -> Iterable[PoppedMessage]:
        """Those that this group had not received before, as far as this process knows."""
        if not self._again:
            return self.messages
        return [each for place, each in enumerate(self.messages) if place not in self._again]

    def behind(self, place: int) -> Collection[int]:
        """The message at a place and all behind it in its partition: what comes again when it fails."""
        partition_id = self.messages[place].partition_id
        return {
            other
            for other in range(place, len(self.messages))
            if self.messages[other].partition_id == partition_id
        }

    def settle(self, places: Iterable[int]) -> None:
        """These are committed under their lease: they will not come again."""
        for place in places:
            self._open.pop(place, None)

    def give_up(self, places: Iterable[int], why: GivenUp) -> None:
        """These may come again, if they were not given up before."""
        given = [place for place in sorted(places) if place in self._open]
        for stretch in self._stretches(given):
            if stretch.producer != FOREIGN:
                self._deliveries.given_up(stretch, why)
        self.settle(given)

    def lapse(self) -> None:
        """Give up all that is still open: the lease is over, or may be."""
        self.give_up(tuple(self._open), "lapsed")

    def _stretches(self, places: Iterable[int]) -> list[Stretch]:
        return stretches([self.messages[place] for place in places], self._run_tag)
