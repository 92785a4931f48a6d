"""UUIDv7 (RFC 9562, 5.7): ids are made in the server, so an answer needs nothing back from the table."""

import time
from random import getrandbits
from uuid import UUID

_VERSION = 7 << 76
_VARIANT = 2 << 62
_LOW_BITS = (1 << 62) - 1


def uuid7() -> UUID:
    """48 bits of Unix milliseconds, then 12 + 62 random bits around version and variant.

    The order inside a partition is the position's, not the id's. An id is a name, no secret: its bits come
    from a generator that the operating system seeded in this process, not from a system call each.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = getrandbits(74)
    return UUID(
        int=(milliseconds << 80) | _VERSION | ((random >> 62) << 64) | _VARIANT | (random & _LOW_BITS)
    )
