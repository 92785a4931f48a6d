"""The signals that end `queen load`: the first ends the load, another one leaves its messages unread."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_AFTER_S = 0.5  # `timeout` and others signal a process and its group as well: it hears one signal twice
HINT_AFTER_S = 2.0
HINT = "ending: interrupt again (Ctrl-C) to leave unread what is stored"


class LoadSignals:
    """What was asked by signals so far."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.stop = asyncio.Event()
        self.leave = asyncio.Event()  # whoever set it waits for no account of the messages
        self._clock = clock
        self._first_s = 0.0

    def listen(self) -> None:
        """Take the signals of this process for as long as its event loop runs."""
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                asyncio.get_running_loop().add_signal_handler(number, self.heard)

    def heard(self) -> None:
        """A signal was heard."""
        if not self.stop.is_set():
            self._first_s = self._clock()
            self.stop.set()
        elif self._clock() - self._first_s >= AGAIN_AFTER_S:
            self.leave.set()

    @asynccontextmanager
    async def explained(self, say: Callable[[str], None]) -> AsyncIterator[None]:
        """Tell whoever has asked for the end, and still waits for the block, how to leave at once."""
        hint = asyncio.create_task(self._hint(say))
        try:
            yield
        finally:
            hint.cancel()
            await asyncio.gather(hint, return_exceptions=True)

    async def _hint(self, say: Callable[[str], None]) -> None:
        await self.stop.wait()
        await asyncio.sleep(HINT_AFTER_S)
        say(HINT)
