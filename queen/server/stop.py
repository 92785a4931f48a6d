"""To be stopped: asked once (drain), and asked again (cut off what still runs)."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """The two events that a server process waits for."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self._asked = False

    def ask(self) -> None:
        """Ask for a drain; asked a second time it means to cut off."""
        (self.second if self._asked else self.first).set()
        self._asked = True

    def ask_to_drain(self) -> None:
        """Ask for a drain, however often, without being counted."""
        self.first.set()


def call_on_signals(ask: Callable[[], None]) -> None:
    """Call `ask` on the running loop for each SIGTERM or SIGINT of this process, held ones included."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, ask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def signals_held() -> Iterator[None]:
    """Start processes inside the block that are to find their signals when they are ready to.

    Blocked signals stay blocked, and pending, across fork and exec (signal(7)): one that comes while a
    worker still imports its modules neither ends it nor is lost.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
