"""The pool's gauges: what `/metrics/pool` tells and the instrument samples.

Counts and sums are of one process, since its start. `busy_seconds` and `waiting_seconds` are time
integrals: differences over a window, divided by its length, are time averages - so nothing between two
samples is missed.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ParamSpec, TypeVar

from queen.observe.levels import DurationHistogram, Durations, Level
from queen.observe.metric import Additive, counter, gauge, histogram

P = ParamSpec("P")
R = TypeVar("R")


class PoolReading(Additive, frozen=True, rename="camel"):
    """One look at the gauges; field names are those of `/metrics/pool`."""

    total_count: Annotated[int, gauge("queen_db_pool_size", "Connections open")]
    idle_count: Annotated[int, gauge("queen_db_pool_idle", "Of the open connections, those not borrowed")]
    waiting_count: Annotated[int, gauge("queen_db_pool_waiting", "Requests that wait to borrow")]
    max_count: Annotated[int, gauge("queen_db_pool_limit", "Connections at most")]
    acquires: Annotated[int, counter("queen_db_pool_acquires_total", "Connections borrowed")]
    timeouts: Annotated[int, counter("queen_db_pool_timeouts_total", "Requests that got none in time")]
    connects: Annotated[int, counter("queen_db_pool_connects_total", "Connections opened")]
    lost: Annotated[int, counter("queen_db_pool_lost_total", "Connections that broke while borrowed")]
    wait_seconds: float  # over finished waits, from asking to having
    hold_seconds: float  # over finished holds, from having to giving back
    busy_seconds: Annotated[
        float, counter("queen_db_pool_busy_seconds_total", "Time integral of the borrowed connections")
    ]
    waiting_seconds: Annotated[
        float, counter("queen_db_pool_waiting_seconds_total", "Time integral of the waiting requests")
    ]
    wait_histogram: Annotated[
        DurationHistogram,
        histogram("queen_db_pool_wait_seconds", "From asking for a connection to having it", "wait_seconds"),
    ]
    hold_histogram: Annotated[
        DurationHistogram,
        histogram("queen_db_pool_hold_seconds", "From having a connection to giving it back", "hold_seconds"),
    ]


class PoolGauges:
    """Counters of one pool. The pool calls; metrics read."""

    def __init__(self, size: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._size = size
        self._busy = Level(clock)
        self._waiting = Level(clock)
        self._waits = Durations()
        self._holds = Durations()
        self._total: Callable[[], int] = lambda: 0
        self.acquires = 0
        self.timeouts = 0
        self.connects = 0
        self.lost = 0

    def watch_total(self, total: Callable[[], int]) -> None:
        """Ask `total` for the number of open connections."""
        self._total = total

    def counting(self, connect: Callable[P, Awaitable[R]]) -> Callable[P, Any]:
        """Wrap a connect function so that connections that were made are counted."""

        async def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            connection = await connect(*args, **kwargs)
            self.connects += 1
            return connection

        return counted

    @contextmanager
    def asking(self) -> Iterator[None]:
        """A request waits for its turn."""
        self._waiting.step(+1)
        try:
            yield
        finally:
            self._waiting.step(-1)

    def acquired(self, waited_s: float) -> None:
        """A connection was borrowed, `waited_s` after it was asked for."""
        self.acquires += 1
        self._waits.add(waited_s)
        self._busy.step(+1)

    def released(self, held_s: float) -> None:
        """A connection was given back after `held_s`."""
        self._holds.add(held_s)
        self._busy.step(-1)

    def timed_out(self) -> None:
        """A request got no connection in time."""
        self.timeouts += 1

    @property
    def demand_s(self) -> float:
        """Time integral of the borrowed connections and of the requests that wait, over the pool's size."""
        return (self._busy.area + self._waiting.area) / self._size

    def read(self) -> PoolReading:
        """All figures, at one instant."""
        total = self._total()
        return PoolReading(
            total_count=total,
            idle_count=max(0, total - self._busy.now),
            waiting_count=self._waiting.now,
            max_count=self._size,
            acquires=self.acquires,
            timeouts=self.timeouts,
            connects=self.connects,
            lost=self.lost,
            wait_seconds=self._waits.sum_s,
            hold_seconds=self._holds.sum_s,
            busy_seconds=self._busy.area,
            waiting_seconds=self._waiting.area,
            wait_histogram=self._waits.histogram,
            hold_histogram=self._holds.histogram,
        )
