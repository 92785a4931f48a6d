"""When the run that is on is to end: Locust forgets that when its users are changed, so it is kept here.

A run time counts from the start or the change that it was sent with. Locust's own dialog for a run that is
on has no field for it, and a start without one, also one that changes the users alone, ends its timer.
"""

from collections.abc import Callable
from math import ceil
from time import perf_counter
from typing import Protocol

import gevent


class Timer(Protocol):
    """Something that will be called later."""

    def kill(self, *, block: bool) -> None:
        """It will not, if it has not been; does not wait unless `block`."""
        ...


class RunEnd:
    """Ends the run by `stop` where Locust's own timer has gone.

    `clock` tells the seconds, and `later` calls a function when so many have gone by.
    """

    def __init__(
        self,
        stop: Callable[[], None],
        clock: Callable[[], float] = perf_counter,
        later: Callable[[float, Callable[[], None]], Timer] = gevent.spawn_later,
    ) -> None:
        self._stop = stop
        self._clock = clock
        self._later = later
        self._at_s: float | None = None  # on the clock
        self._timer: Timer | None = None

    def left_s(self) -> int | None:
        """Whole seconds until then; None: it has no end."""
        return None if self._at_s is None else max(0, ceil(self._at_s - self._clock()))

    def begins(self, run_time_s: float | None) -> None:
        """A run begins, or its run time is set anew: Locust sees to its end, if it has one."""
        self._cancel()
        self._at_s = self._clock() + run_time_s if run_time_s else None

    def goes_on(self) -> None:
        """Its users are changed: what is left of its run time stays, and Locust has ended its timer."""
        self._cancel()
        if self._at_s is not None:
            self._timer = self._later(max(0.0, self._at_s - self._clock()), self._end)

    def over(self) -> None:
        """There is nothing to end any more."""
        self._cancel()
        self._at_s = None

    def _end(self) -> None:
        self._timer = self._at_s = None  # whoever cancels a timer does not cut short what it has begun
        self._stop()

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.kill(block=False)
