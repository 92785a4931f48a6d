"""UUIDv7 (RFC 9562, 5.7): ids are made in the server, so an answer needs nothing back from the table.

They are text from the start, since they go into an answer, and often into the transaction id, as text. The
order inside a partition is the position's, not the id's. An id is a name, no secret: its bits come from a
generator that the operating system seeded in this process, not from a system call each.
"""

import time
from collections.abc import Callable
from random import getrandbits

_SERIAL_BITS = 48  # the last group of a UUID's text
_BYTES = tuple(f"{byte:02x}" for byte in range(256))


class Numbering:
    """48 bits of Unix milliseconds, 12 + 14 random bits around version and variant, then a number of 48 bits.

    Ids of one millisecond differ in their numbers alone, which count on from a random one (RFC 9562, 6.2,
    method 2). Two processes can only clash when they agree in the millisecond and in the random bits, and
    their ranges of numbers overlap. `clock` gives nanoseconds.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._millisecond = -1
        self._head = ""
        self._next = 0

    def take(self, count: int) -> list[str]:
        """As many ids, in rising order, of this millisecond."""
        millisecond = self._clock() // 1_000_000
        if millisecond != self._millisecond or self._next + count > 1 << _SERIAL_BITS:
            self._begin(millisecond, count)
        number = self._next
        self._next = after = number + count
        ids: list[str] = []
        while number < after:  # all that share all digits but the last two
            begin = f"{self._head}{number >> 8:010x}"
            lowest = number & 0xFF
            ids += [begin + byte for byte in _BYTES[lowest : lowest + after - number]]
            number += 0x100 - lowest
        return ids

    def _begin(self, millisecond: int, count: int) -> None:
        stamp = f"{millisecond:012x}"
        self._millisecond = millisecond
        self._head = f"{stamp[:8]}-{stamp[8:]}-7{getrandbits(12):03x}-{0x8000 | getrandbits(14):04x}-"
        self._next = min(getrandbits(_SERIAL_BITS), (1 << _SERIAL_BITS) - count)


uuid7s = Numbering().take
