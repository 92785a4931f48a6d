"""What a headless load says against itself while it runs: the lines of its watch, out of Locust's log.

Nobody sees that log before the end, and an hour of pushes that are all refused should not wait for it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

PERIOD_S = 1.0
WATCH_LINE = re.compile(r"/WARNING/loadtests\.load\.measuring\.watch: (.+)")  # as Locust's log has it


@asynccontextmanager
async def passed_on(log: Path, say: Callable[[str], None], period_s: float = PERIOD_S) -> AsyncIterator[None]:
    """While the block runs, and once more at its end, say each line of the watch that has come."""
    lines = _Lines(log)
    passing = asyncio.create_task(_pass_on_for_ever(lines, say, period_s))
    try:
        yield
    finally:
        passing.cancel()
        await asyncio.wait([passing])
        _pass_on(lines, say)


class _Lines:
    """The lines of a file that grows; it need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0  # bytes
        self._rest = b""  # of a line that is not whole yet

    def new(self) -> list[str]:
        """Those that have been completed since the last time."""
        with suppress(OSError), self._path.open("rb") as file:
            file.seek(self._read)
            more = file.read()
            self._read += len(more)
            *whole, self._rest = (self._rest + more).split(b"\n")
            return [line.decode("utf-8", "replace") for line in whole]
        return []


async def _pass_on_for_ever(lines: _Lines, say: Callable[[str], None], period_s: float) -> None:
    while True:
        await asyncio.sleep(period_s)
        _pass_on(lines, say)


def _pass_on(lines: _Lines, say: Callable[[str], None]) -> None:
    for line in lines.new():
        if found := WATCH_LINE.search(line):
            say(found[1])
