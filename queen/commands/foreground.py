"""What a command in the foreground needs: to be stopped by signals and leave nothing behind."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from types import FrameType
from typing import TypeVar

Held = TypeVar("Held")


@contextmanager
def held_open(opening: AbstractAsyncContextManager[Held]) -> Iterator[Held]:
    """Hold an asynchronous context manager open around synchronous code of this thread.

    Its event loop runs while it opens and while it closes, not in between. Whatever handles signals in
    between may leave SIGTERM to its default: it is a clean interruption again while closing.
    """

    async def enter() -> Held:
        return await opening.__aenter__()

    async def leave() -> None:
        await opening.__aexit__(None, None, None)

    with asyncio.Runner() as runner:
        value = runner.run(enter())
        try:
            yield value
        finally:
            with sigterm_interrupts():
                runner.run(leave())


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
