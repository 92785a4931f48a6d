"""Whether the table agrees with what the generator was told. A generator that lies must be noticed."""

import asyncio
import time
from collections.abc import Awaitable, Callable

SETTLED_S = 0.05  # without a change: what was cut off has arrived
IDLE_CPU_S = 0.01  # in that time: one tick of the system's accounting
SETTLE_DEADLINE_S = 30.0


def disagreement(in_table: int, answered: int, *, cut: int) -> str | None:
    """What is wrong, if anything: the table has what was answered, and at most `cut` messages more.

    `cut` is what may have been under way when the load ended.
    """
    if answered <= in_table <= answered + cut:
        return None
    return f"{answered} messages were answered, the table says {in_table} (at most {cut} were cut off)"


async def settled(look: Callable[[], Awaitable[int]], busy_s: Callable[[], float]) -> int:
    """What `look` finds once it finds the same twice, and the server has done nothing in between.

    `busy_s`: the server's CPU seconds so far. Clients that are gone may have left it hundreds of requests,
    and large ones take it longer than a look at the table. Raises TimeoutError.
    """
    deadline_s = time.perf_counter() + SETTLE_DEADLINE_S
    seen, seen_busy_s = await look(), busy_s()
    while time.perf_counter() < deadline_s:
        await asyncio.sleep(SETTLED_S)
        now, now_busy_s = await look(), busy_s()
        if now == seen and now_busy_s - seen_busy_s <= IDLE_CPU_S:
            return now
        seen, seen_busy_s = now, now_busy_s
    raise TimeoutError(f"requests were still carried out {SETTLE_DEADLINE_S:g} s after the load had ended")
