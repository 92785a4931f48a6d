"""UUIDv7 (RFC 9562, 5.7): ids are made in the server, so an answer needs nothing back from the table.

They are text from the start, since they go into an answer, and often into the transaction id, as text. The
order inside a partition is the position's, not the id's. An id is a name, no secret: its bits come from a
generator that the operating system seeded in this process, not from a system call each.
"""

import time
from random import getrandbits

_RANDOM_BITS = 76  # of each: 12 before the variant, 64 with it, of which the variant overwrites two
_DIGITS = _RANDOM_BITS // 4
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def uuid7() -> str:
    """48 bits of Unix milliseconds, then 12 + 62 random bits around version and variant."""
    return uuid7s(1)[0]


def uuid7s(count: int) -> list[str]:
    """As many of them, of the same millisecond; most of what one costs is paid once for all."""
    stamp = f"{time.time_ns() // 1_000_000:012x}"
    head = f"{stamp[:8]}-{stamp[8:]}-7"
    digits = f"{getrandbits(_RANDOM_BITS * count):0{_DIGITS * count}x}" if count else ""
    return [
        f"{head}{digits[at : at + 3]}-"
        f"{_VARIANT[digits[at + 3]]}{digits[at + 4 : at + 7]}-{digits[at + 7 : at + 19]}"
        for at in range(0, _DIGITS * count, _DIGITS)
    ]
