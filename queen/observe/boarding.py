"""Calls that wait to share one (core/sharing.py): what `/metrics/pool` tells of them beside the pool.

Such a call is no client of the pool; the shared one, which asks for a connection for all of them, is. Counts
and sums are of one process, since its start.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

from queen.observe.levels import DurationHistogram, Durations
from queen.observe.metric import Additive, counter, gauge, histogram


class BoardingReading(Additive, frozen=True, rename="camel"):
    """One look at those who wait; field names are those of `boarding` in `/metrics/pool`."""

    waiting_count: Annotated[int, gauge("queen_db_boarding_waiting", "Calls that wait to share one")]
    boarded: Annotated[int, counter("queen_db_boarding_boarded_total", "Calls that a shared one took")]
    timeouts: Annotated[
        int, counter("queen_db_boarding_timeouts_total", "Calls that no shared one took in time")
    ]
    wait_seconds: float  # over those who boarded, from asking to having a connection
    waiting_seconds: Annotated[
        float, counter("queen_db_boarding_waiting_seconds_total", "Time integral of the waiting calls")
    ]
    wait_histogram: Annotated[
        DurationHistogram,
        histogram(
            "queen_db_boarding_wait_seconds", "From asking to having a connection in common", "wait_seconds"
        ),
    ]


class BoardingGauges:
    """Counters of all who share calls in one process. `queen.core.line` calls; metrics read."""

    def __init__(self) -> None:
        self._lines: list[Callable[[], Sequence[float]]] = []
        self._waits = Durations()
        self._boarded = 0
        self._timeouts = 0
        self._in_vain_s = 0.0  # waited by those who did not board

    def watch(self, waits_s: Callable[[], Sequence[float]]) -> None:
        """Ask `waits_s` for those who wait in one more line, and since when."""
        self._lines.append(waits_s)

    def boarded(self, waits_s: Sequence[float]) -> None:
        """These have a connection in common, so long after they asked."""
        self._boarded += len(waits_s)
        self._waits.add(*waits_s)

    def left(self, wait_s: float, timed_out: bool) -> None:
        """One left the line: it was told that it waited too long, or nobody waits for it."""
        self._timeouts += timed_out
        self._in_vain_s += wait_s

    def read(self) -> BoardingReading:
        """All figures, at one instant."""
        waiting_s = [wait_s for line in self._lines for wait_s in line()]
        return BoardingReading(
            waiting_count=len(waiting_s),
            boarded=self._boarded,
            timeouts=self._timeouts,
            wait_seconds=self._waits.sum_s,
            waiting_seconds=self._waits.sum_s + self._in_vain_s + sum(waiting_s),
            wait_histogram=self._waits.histogram,
        )
