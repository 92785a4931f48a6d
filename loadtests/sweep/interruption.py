"""SIGINT and SIGTERM as one cancellation of the work: what is open is closed in order, then it ends."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The user ended the work; everything that it had started is stopped."""


def run_until_interrupted(
    work: Coroutine[Any, Any, Result], new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> Result:
    """Run `work` in an event loop of its own; the first signal cancels it, further ones change nothing.

    `new_loop` makes the loop (None: asyncio's own). Raises `Interrupted` when it was cancelled so.
    """
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(_interruptible(work))
    except asyncio.CancelledError:
        raise Interrupted from None


async def _interruptible(work: Coroutine[Any, Any, Result]) -> Result:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt() -> None:
        if not task.cancelling():
            task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, interrupt)
    return await task
