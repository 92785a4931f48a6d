"""Whether the table agrees with what the generator was told. A generator that lies must be noticed."""

import asyncio
import time
from collections.abc import Awaitable, Callable

SETTLED_S = 0.03  # without a change: what was cut off has arrived
SETTLE_DEADLINE_S = 30.0


def disagreement(in_table: int, answered: int, *, cut: int) -> str | None:
    """What is wrong, if anything: the table has what was answered, and at most `cut` messages more.

    `cut` is what may have been under way when the load ended.
    """
    if answered <= in_table <= answered + cut:
        return None
    return f"{answered} messages were answered, the table says {in_table} (at most {cut} were cut off)"


async def settled(look: Callable[[], Awaitable[int]]) -> int:
    """What `look` finds once it finds the same twice. Raises TimeoutError."""
    deadline_s = time.perf_counter() + SETTLE_DEADLINE_S
    seen = await look()
    while time.perf_counter() < deadline_s:
        await asyncio.sleep(SETTLED_S)
        now = await look()
        if now == seen:
            return now
        seen = now
    raise TimeoutError(f"requests were still carried out {SETTLE_DEADLINE_S:g} s after the load had ended")
