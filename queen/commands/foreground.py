"""What a command in the foreground needs: to be stopped by signals and leave nothing behind."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from types import FrameType
from typing import Any, TypeVar

Held = TypeVar("Held")
Result = TypeVar("Result")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_open(opening: AbstractAsyncContextManager[Held]) -> Iterator[Held]:
    """Hold an asynchronous context manager open around synchronous code of this thread, the main one.

    Its event loop runs while it opens and while it closes, not in between. A signal meanwhile cancels
    that and is a KeyboardInterrupt then. Whatever handles signals in between may leave SIGTERM to its
    default: it is a clean interruption again while closing.
    """
    stack = AsyncExitStack()
    with asyncio.Runner() as runner:
        try:
            yield _run_until_signal(runner, stack.enter_async_context(opening))
        finally:
            _run_until_signal(runner, stack.aclose())


def _run_until_signal(runner: asyncio.Runner, work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work`; each signal cancels it, and KeyboardInterrupt is raised when one came.

    The cancellation is a step of the event loop, as in `loop.add_signal_handler`. A handler that cancels
    at once, `asyncio.Runner`'s own for SIGINT, comes between any two instructions: between those that look
    whether a future is cancelled and set its result, it makes asyncio complain of an InvalidStateError.
    """
    came = False

    async def cancellable() -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel(number: int, frame: FrameType | None) -> None:
            nonlocal came
            came = True
            loop.call_soon_threadsafe(task.cancel)

        before = {number: signal.signal(number, cancel) for number in SIGNALS}
        try:
            return await work
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    try:
        result = runner.run(cancellable())
    except asyncio.CancelledError:
        if came:
            raise KeyboardInterrupt from None
        raise
    if came:  # too late to cancel anything
        raise KeyboardInterrupt
    return result


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt like SIGINT, so that both unwind what is open."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
