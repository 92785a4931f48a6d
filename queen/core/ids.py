"""UUIDv7 (RFC 9562, 5.7): ids are made in the server, so an answer needs nothing back from the table.

They are text from the start, since they go into an answer, and often into the transaction id, as text. The
order inside a partition is the position's, not the id's. An id is a name, no secret: its bits come from a
generator that the operating system seeded in this process, not from a system call each.
"""

import time
from random import getrandbits

_SERIAL_BITS = 48  # the last group of a UUID's text


def uuid7() -> str:
    """48 bits of Unix milliseconds, then 12 + 62 random bits around version and variant."""
    return uuid7s(1)[0]


def uuid7s(count: int) -> list[str]:
    """As many of them, of the same millisecond: numbered from a random start (RFC 9562, 6.2, method 2).

    Two requests can only clash when they agree in the millisecond and in 26 random bits, and their ranges of
    48-bit numbers overlap.
    """
    stamp = f"{time.time_ns() // 1_000_000:012x}"
    head = f"{stamp[:8]}-{stamp[8:]}-7{getrandbits(12):03x}-{0x8000 | getrandbits(14):04x}-"
    first = getrandbits(_SERIAL_BITS)
    if first + count > 1 << _SERIAL_BITS:
        first -= count
    return [f"{head}{serial:012x}" for serial in range(first, first + count)]
