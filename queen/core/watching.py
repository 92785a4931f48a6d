"""Looking for what nobody announces, for all who wait at once: one statement a second instead of theirs.

A lease that runs out and a message that falls due are announced by nobody, and an announcement of another
process may be lost. So the store is asked once a second which of the lines of waiting polls have something
to look for, now or before the next time; the first in line of each of those looks, now or at that instant.
With nothing to look for a line costs a probe of an index, not a pop.

Only those are asked for whose group, and partition, the store has ids for (`Waiter.place`); the others look
by themselves.
A question that fails is asked again a second later, without a word to those who wait: what could they do? A
poll looks once more at its end, and gives the client the error if there still is one.
"""

import logging
import time
from collections.abc import Sequence
from typing import Protocol

from queen.core.deadline import Deadline
from queen.core.store import Place
from queen.core.wakeups import Waiter, Wakeups
from queen.errors import QueenError

WATCH_INTERVAL_S = 1.0  # at most what the shortest lease lasts (`queen.core.wakeups` says why)
MOST_LINES = 1_000  # of one question: some milliseconds in the database
_AHEAD_MS = 2_000 * WATCH_INTERVAL_S  # what falls due before the next question is known, be it late
_PATIENCE_MS = 5_000.0  # for a question: on a dead connection the next one must not wait for long

_log = logging.getLogger("queen.wakeups")


class DueFinder(Protocol):
    """Whoever can say which lines have something to look for."""

    async def find_due(
        self, places: Sequence[Place], within_ms: float, deadline: Deadline
    ) -> dict[int, float]:
        """Index of a place → in how many ms there is something to look for (0: now). Raises `QueenError`.

        Only where there is within that time.
        """
        ...


class Watch:
    """The one who looks, of one server process; a `queen.jobs.periodic.Job`."""

    name = "watch"

    def __init__(self, finder: DueFinder, wakeups: Wakeups) -> None:
        self._finder = finder
        self._wakeups = wakeups
        self._took_s = 0.0
        self._failing = False

    @property
    def interval_s(self) -> float:
        """A second from one beginning to the next; but with very many lines, half of the time is free."""
        return max(WATCH_INTERVAL_S - self._took_s, self._took_s)

    async def run(self) -> None:
        """Ask about every line, and have those look that have something to look for."""
        started_s = time.monotonic()
        leaders = self._wakeups.watched()
        try:
            for first in range(0, len(leaders), MOST_LINES):
                await self._ask(leaders[first : first + MOST_LINES])
        except QueenError as error:
            if not self._failing:
                _log.warning("watch_failed", extra={"why": str(error)})
            self._failing = True
            self._took_s = 0.0
        else:
            self._failing = False
            self._took_s = time.monotonic() - started_s

    async def _ask(self, leaders: Sequence[tuple[Waiter, Place]]) -> None:
        places = [place for _, place in leaders]
        due = await self._finder.find_due(places, _AHEAD_MS, Deadline.after_ms(_PATIENCE_MS))
        for index, in_ms in due.items():
            leaders[index][0].wake_in(in_ms / 1000)
