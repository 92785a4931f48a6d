"""UUIDv7 (RFC 9562, 5.7): ids are made in the server, so an answer needs nothing back from the table.

They are text from the start, since they go into an answer, and often into the transaction id, as text. The
order inside a partition is the position's, not the id's. An id is a name, no secret: its bits come from a
generator that the operating system seeded in this process, not from a system call each.
"""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from random import getrandbits

_SERIAL_BITS = 48  # the last group of a UUID's text
_LAST_START = (1 << _SERIAL_BITS) - (1 << 32)
_BYTES = tuple(f"{byte:02x}" for byte in range(256))


class Numbering:
    """48 bits of Unix milliseconds, 12 + 14 random bits around version and variant, then a number of 48 bits.

    Ids of one millisecond differ in their numbers alone, which count on from a random one (RFC 9562, 6.2,
    method 2) that leaves room for more than anybody makes in one. Two processes can only clash when they
    agree in the millisecond and in the random bits, and their ranges of numbers overlap. `clock` gives
    nanoseconds.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._millisecond = -1
        self._head = ""
        self._block = 0  # the numbers but for their last two digits
        self._rest: Iterator[str] = iter(())  # ids of this block

    def take(self, count: int) -> list[str]:
        """As many ids, in rising order, of this millisecond."""
        millisecond = self._clock() // 1_000_000
        if millisecond != self._millisecond:
            self._begin(millisecond)
        ids = list(islice(self._rest, count))
        while len(ids) < count:
            self._begin_block(self._block + 1, 0)
            ids += islice(self._rest, count - len(ids))
        return ids

    def _begin(self, millisecond: int) -> None:
        stamp = f"{millisecond:012x}"
        self._millisecond = millisecond
        self._head = f"{stamp[:8]}-{stamp[8:]}-7{getrandbits(12):03x}-{0x8000 | getrandbits(14):04x}-"
        self._begin_block(*divmod(min(getrandbits(_SERIAL_BITS), _LAST_START), 0x100))

    def _begin_block(self, block: int, lowest: int) -> None:
        self._block = block
        begin = f"{self._head}{block:010x}"
        self._rest = map(begin.__add__, _BYTES[lowest:])


uuid7s = Numbering().take
