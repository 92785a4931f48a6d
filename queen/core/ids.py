"""UUIDv7 (RFC 9562, 5.7): ids are made in the server, so an answer needs nothing back from the table."""

import os
import time
from uuid import UUID

_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)
_RANDOM_MASK = ((1 << 74) - 1) & ~(3 << 62)


def uuid7() -> UUID:
    """48 bits of Unix milliseconds, then random bits. Order inside a partition is the position's, not this."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    low = ((random >> 62) << 64) | (random & ((1 << 62) - 1))
    return UUID(int=(milliseconds << 80) | _VERSION_AND_VARIANT | low)
