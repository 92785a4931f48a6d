"""Waiting for what must come true: every test that would like to sleep calls this instead."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress

DEADLINE_S = 10.0
_LOOK_EVERY_S = 0.005


async def until(condition: Callable[[], bool | Awaitable[object]], deadline_s: float = DEADLINE_S) -> None:
    """Return as soon as the condition (which may be a coroutine) is true. Raises TimeoutError."""
    async with asyncio.timeout(deadline_s):
        while True:
            met = condition()
            if inspect.isawaitable(met):
                met = bool(await met)
            if met:
                return
            await asyncio.sleep(_LOOK_EVERY_S)


async def over(awaited: Awaitable[object]) -> None:
    """Return when it is over, well or not."""
    with suppress(Exception):
        await awaited
