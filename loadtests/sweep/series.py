"""Differences of cumulative counters over a window whose edges lie between two samples."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SEEN_LEAST = 0.9  # of a window


@dataclass(frozen=True)
class Window:
    """From `start_s` to `end_s` on the monotonic clock."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.end_s - self.start_s


def seen_of(times_s: Sequence[float], windows: Iterable[Window]) -> tuple[Window, ...] | None:
    """What lies of each window between the first and the last sample; None when that is not nearly all of it.

    What a counter did outside is not known, and would be missing from a rate.
    """
    if not times_s:
        return None
    seen = []
    for window in windows:
        part = Window(max(times_s[0], window.start_s), min(times_s[-1], window.end_s))
        if part.length_s < SEEN_LEAST * window.length_s:
            return None
        seen.append(part)
    return tuple(seen)


def value_at(times_s: Sequence[float], values: Sequence[float], time_s: float) -> float:
    """A counter at an instant: on the line between its neighbours, outside the first or last value.

    `times_s` ascends and is as long as `values`, at least one. Raises ValueError for none.
    """
    if not times_s:
        raise ValueError("no samples")
    place = bisect_left(times_s, time_s)
    if place == 0:
        return values[0]
    if place == len(times_s):
        return values[-1]
    before_s, after_s = times_s[place - 1], times_s[place]
    share = (time_s - before_s) / (after_s - before_s)
    return values[place - 1] + share * (values[place] - values[place - 1])


def increase(times_s: Sequence[float], values: Sequence[float], *windows: Window) -> float:
    """How much a counter grew within the windows, together."""
    return sum(
        value_at(times_s, values, window.end_s) - value_at(times_s, values, window.start_s)
        for window in windows
    )
