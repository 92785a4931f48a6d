"""What a headless load says while it runs: how long that takes, and on a terminal how far it is."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TextIO

from loadtests.commands.load_request import LoadRequest
from loadtests.sweep.progress import clock
from loadtests.sweep.sampling import PERIOD_S as LOOK_PERIOD_S
from loadtests.sweep.sampling import Look

PERIOD_S = 1.0
RATE_OVER_S = 5.0  # PostgreSQL counts what a busy connection has inserted about once a second
CLEARED = "\r\x1b[K"


def beginning(request: LoadRequest, length_s: float | None) -> str:
    """The line that it starts with. `length_s`: what it lasts, if that is known."""
    length = "until its answer is found" if length_s is None else f"for {clock(length_s)}"
    load = f"load {request.shape}, {request.users} users"
    return f"{load}, {length}; Ctrl-C ends it and keeps what was measured"


@asynccontextmanager
async def shown(looks: Sequence[Look], length_s: float | None, stream: TextIO) -> AsyncIterator[None]:
    """While the block runs, one line that changes, if the stream is a terminal.

    `looks` grow meanwhile; without any there is no rate in the line.
    """
    if not stream.isatty():
        yield
        return
    telling = asyncio.create_task(_tell_for_ever(looks, length_s, stream))
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.wait([telling])
        with suppress(OSError):  # the terminal is gone
            print(CLEARED, end="", file=stream, flush=True)


def line(looks: Sequence[Look], ran_s: float, length_s: float | None) -> str:
    """How long it has run, and what the database stores at the moment."""
    if length_s is not None and ran_s > length_s:
        return f"{clock(ran_s)}  it comes to its end, and the messages are checked"
    words = [clock(ran_s) if length_s is None else f"{clock(ran_s)} of {clock(length_s)}"]
    rate = _rows_s(looks)
    if rate is not None:
        words.append(f"{rate:,.0f} rows/s into the database")
    return "  ".join(words)


def _rows_s(looks: Sequence[Look]) -> float | None:
    told = [
        (look.at_s, look.activity.rows_inserted)
        for look in looks[-round(RATE_OVER_S / LOOK_PERIOD_S) :]
        if look.activity is not None and look.activity.rows_inserted is not None
    ]
    if len(told) < 2 or told[-1][0] - told[0][0] < RATE_OVER_S / 2:
        return None
    return (told[-1][1] - told[0][1]) / (told[-1][0] - told[0][0])


async def _tell_for_ever(looks: Sequence[Look], length_s: float | None, stream: TextIO) -> None:
    began_s = time.perf_counter()
    while True:
        await asyncio.sleep(PERIOD_S)
        text = line(looks, time.perf_counter() - began_s, length_s)
        with suppress(OSError):
            print(f"{CLEARED}{text}", end="", file=stream, flush=True)
