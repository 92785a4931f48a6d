"""To be stopped: asked once (drain), and asked again (cut off what still runs)."""

import asyncio
import signal
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """The two events that a server process waits for."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()

    def ask(self) -> None:
        """Ask; the second time it means to cut off."""
        (self.second if self.first.is_set() else self.first).set()

    def ask_to_drain(self) -> None:
        """Ask, however often, for no more than a drain."""
        self.first.set()

    def on_signals(self) -> None:
        """Let each SIGTERM or SIGINT of this process ask."""
        call_on_signals(self.ask)


def call_on_signals(ask: Callable[[], None]) -> None:
    """Call `ask` on the running loop for each SIGTERM or SIGINT of this process."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, ask)
