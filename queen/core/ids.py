"""UUIDv7 (RFC 9562, 5.7): ids are made in the server, so an answer needs nothing back from the table."""

import time
from random import getrandbits

_VERSION = 7 << 76
_VARIANT = 2 << 62
_LOW_BITS = (1 << 62) - 1


def uuid7() -> str:
    """48 bits of Unix milliseconds, then 12 + 62 random bits around version and variant; as text.

    The order inside a partition is the position's, not the id's. An id is a name, no secret: its bits come
    from a generator that the operating system seeded in this process, not from a system call each. It is
    text from the start since it goes into an answer, and often into the transaction id, as text.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = getrandbits(74)
    value = (milliseconds << 80) | _VERSION | ((random >> 62) << 64) | _VARIANT | (random & _LOW_BITS)
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
