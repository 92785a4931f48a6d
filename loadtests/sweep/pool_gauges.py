"""The server's pool, as GET /metrics/pool tells it."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from loadtests.results import PoolUse
from loadtests.sweep.series import Window, increase, seen_of

POOL_PATH = "/metrics/pool"


class Histogram(Struct, frozen=True, rename="camel"):
    """Counts of durations, the last bucket unbounded."""

    counts: tuple[int, ...]


class Boarding(Struct, frozen=True, rename="camel"):
    """Requests that wait to share a call, and so a connection. Cumulative, but for those who wait now."""

    waiting_count: int  # now
    timeouts: int
    wait_seconds: float  # over those who boarded
    waiting_seconds: float  # time integral of those who wait
    wait_histogram: Histogram


class Workers(Struct, frozen=True):
    """The server's processes, and those of them that are in a reading."""

    expected: int = 1
    answered: int = 1


class PoolReading(Struct, frozen=True, rename="camel"):
    """One look. Counts and seconds are cumulative since the server's start, but for the first three."""

    total_count: int
    idle_count: int
    waiting_count: int
    acquires: int
    timeouts: int
    connects: int
    lost: int
    hold_seconds: float  # over finished holds
    wait_seconds: float  # over finished waits
    busy_seconds: float  # time integral of the connections in use
    waiting_seconds: float  # time integral of the requests that wait
    hold_histogram: Histogram
    wait_histogram: Histogram
    loop_lag_ms: float | None = None
    workers: Workers = Workers()
    boarding: Boarding | None = None  # None: the server does not count them

    @property
    def complete(self) -> bool:
        """Whether every worker is in it; without one the cumulative figures would seem to fall."""
        return self.workers.answered == self.workers.expected


def decode(body: bytes) -> PoolReading:
    """Read an answer. Raises msgspec.MsgspecError when it is none."""
    return msgspec.json.decode(body, type=PoolReading)


def pool_use(
    times_s: Sequence[float], readings: Sequence[PoolReading], windows: Iterable[Window]
) -> PoolUse | None:
    """The pool over these windows.

    None when it was not looked at for nearly all of each, see `seen_of`, or when a process of the server
    ended meanwhile: the counters fell, and what it had counted is lost.
    """
    seen = seen_of(times_s, windows)
    if seen is None or _fell(times_s, readings, seen):
        return None
    length_s = sum(window.length_s for window in seen)

    def grown(values: Sequence[float]) -> float:
        return max(0.0, increase(times_s, values, *seen))  # never less, but for rounding

    holds = grown([sum(reading.hold_histogram.counts) for reading in readings])
    waits = grown([sum(reading.wait_histogram.counts) for reading in readings])
    hold_s = grown([reading.hold_seconds for reading in readings])
    wait_s = grown([reading.wait_seconds for reading in readings])
    use = PoolUse(
        acquires=round(grown([reading.acquires for reading in readings])),
        timeouts=round(grown([reading.timeouts for reading in readings])),
        connects=round(grown([reading.connects for reading in readings])),
        lost=round(grown([reading.lost for reading in readings])),
        hold_mean_ms=1000 * hold_s / holds if holds else 0.0,
        wait_mean_ms=1000 * wait_s / waits if waits else 0.0,
        busy_mean=grown([reading.busy_seconds for reading in readings]) / length_s,
        waiting_mean=grown([reading.waiting_seconds for reading in readings]) / length_s,
    )
    lines = [reading.boarding for reading in readings if reading.boarding is not None]
    if len(lines) < len(readings):
        return use
    boarded = grown([sum(line.wait_histogram.counts) for line in lines])
    boarding_s = grown([line.wait_seconds for line in lines])
    return replace(
        use,
        boarding_timeouts=round(grown([line.timeouts for line in lines])),
        boarding_mean=grown([line.waiting_seconds for line in lines]) / length_s,
        boarding_wait_mean_ms=1000 * boarding_s / boarded if boarded else 0.0,
    )


def _fell(times_s: Sequence[float], readings: Sequence[PoolReading], windows: Iterable[Window]) -> bool:
    """Whether a counter is lower at some reading than at the one before, anywhere in these windows."""
    looks = tuple(pairwise(zip(times_s, readings, strict=True)))
    return any(
        after_s > window.start_s and before_s < window.end_s and _is_lower(after, before)
        for window in windows
        for (before_s, before), (after_s, after) in looks
    )


def _is_lower(after: PoolReading, before: PoolReading) -> bool:
    return any(now < then for now, then in zip(_counted(after), _counted(before), strict=True))


def _counted(reading: PoolReading) -> tuple[int, ...]:
    """What only grows while the server's processes live, and grows with all else."""
    return reading.acquires, reading.timeouts, reading.connects, reading.lost
