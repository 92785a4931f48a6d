"""The generator's ceilings of runs that were started from the page: measured between two, never beside one.

A headless load measures its ceiling when server and database are gone. Here they stay, and idle: so a
ceiling comes out rather too low than too high, and the warning too early rather than too late.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path

from loadtests.results import ResultError, RunFiles
from queen.local.process import ChildFailed

Judge = Callable[[RunFiles, Path], Awaitable[None]]
"""Measures the ceiling of a run, with a directory for its files, and adds it to its own."""

logger = logging.getLogger(__name__)


class PageCeilings:
    """The runs whose ceiling is not known yet, one measured after the other while nobody is in the way.

    Whoever needs the machine for itself asks for it by `make_way`: what was begun is ended at once, and
    done anew from `go_on`.
    """

    def __init__(self, judge: Judge, scratch: Path) -> None:
        self._judge = judge
        self._scratch = scratch
        self._waiting = deque[RunFiles]()
        self._tries = 0
        self._measuring: asyncio.Task[None] | None = None

    def want(self, run: RunFiles) -> None:
        """The run is over: measure its ceiling from the next `go_on`."""
        self._waiting.append(run)

    def go_on(self) -> None:
        """Nobody needs the machine."""
        if self._waiting and (self._measuring is None or self._measuring.done()):
            self._measuring = asyncio.create_task(self._measure_all())

    async def make_way(self) -> None:
        """Measure no more; returns when nothing of it runs."""
        measuring, self._measuring = self._measuring, None
        if measuring is not None:
            measuring.cancel()
            await asyncio.wait((measuring,))

    async def _measure_all(self) -> None:
        while self._waiting:
            self._tries += 1  # a directory for each: what was given up leaves files
            try:
                await self._judge(self._waiting[0], self._scratch / f"after-{self._tries}")
            except (ChildFailed, ResultError, OSError) as error:
                logger.warning("the generator's ceiling is not known: %s", error)
            self._waiting.popleft()
