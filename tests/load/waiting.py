"""Waiting for what must come true, where gevent's greenlets are what it waits for."""

from collections.abc import Callable
from time import perf_counter

import gevent

DEADLINE_S = 30.0
_LOOK_EVERY_S = 0.001


def until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition is true; the other greenlets have their turn. Raises gevent.Timeout."""
    with gevent.Timeout(DEADLINE_S):
        while not condition():
            gevent.sleep(_LOOK_EVERY_S)


def block_until(at_s: float) -> None:
    """Keep this thread, and with it every greenlet, busy until that instant of `perf_counter`."""
    while perf_counter() < at_s:
        pass
