"""A timer finer than a millisecond for an event loop.

libuv counts whole milliseconds and asyncio rounds epoll's time-out up to one, so `loop.call_at` is up
to 1 ms late: too much for a delay of 1 ms. On Linux a timerfd is armed instead, whose expiry is a
file event. Elsewhere (kqueue takes nanoseconds) the loop's own timer serves.
"""

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

CLOCK_MONOTONIC = 1  # <linux/time.h>; the clock of time.monotonic
TFD_TIMER_ABSTIME = 1  # <linux/timerfd.h>
TFD_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


class PreciseTimer(Protocol):
    """Calls back once for each time it was armed."""

    def arm(self, due_s: float) -> None:
        """Call back at this time of `time.monotonic`; forgets an earlier call of `arm`."""
        ...

    def close(self) -> None:
        """Never call back again."""
        ...


def precise_timer(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> PreciseTimer:
    """The finest timer of this platform. A callback must arm again or be content with silence."""
    return TimerFd(loop, callback) if sys.platform == "linux" else LoopTimer(loop, callback)


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class TimerFd:
    """timerfd_create(2). Python has it from 3.13 on only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = self._libc.timerfd_create(CLOCK_MONOTONIC, TFD_FLAGS)
        if self._file < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._spec = _TimerSpec()
        self._pointer = ctypes.byref(self._spec)
        loop.add_reader(self._file, self._expired)

    def arm(self, due_s: float) -> None:
        """Arm for that time; a past one expires at once. Arming also clears the last expiry."""
        seconds = int(due_s)
        self._spec.value.seconds = seconds
        self._spec.value.nanoseconds = int((due_s - seconds) * 1e9)
        self._libc.timerfd_settime(self._file, TFD_TIMER_ABSTIME, self._pointer, None)

    def close(self) -> None:
        """Close the file."""
        self._loop.remove_reader(self._file)
        os.close(self._file)

    def _expired(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:  # armed anew since the loop saw it
            return
        self._callback()


class LoopTimer:
    """The event loop's own timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, due_s: float) -> None:
        """Call back after what is left until then."""
        self.close()
        self._handle = self._loop.call_later(max(0.0, due_s - time.monotonic()), self._callback)

    def close(self) -> None:
        """Cancel what was armed."""
        if self._handle is not None:
            self._handle.cancel()
