"""The load of each worker, where all workers of an instance see it: a file that they have mapped.

Each writes its own row, about once a second at least. One that has not for `FRESH_S` is not there: it has not
begun, drains, is stuck or dead.
"""

import math
import mmap
import os
import struct
from collections.abc import Callable

from queen.server.membership import Membership, cannot_make

FILE = "loads"
FRESH_S = 3.0

_ROW = struct.Struct("@dd")  # when it was written, in the clock's seconds; the load
_NEVER = -math.inf


class Loads:
    """The table, and our own row in it. `clock` is the same for all processes, as `time.monotonic` is.

    Raises `UserError` when there is no room for it.
    """

    def __init__(self, membership: Membership, clock: Callable[[], float]) -> None:
        self._worker_id = membership.worker_id
        self._clock = clock
        bytes_ = membership.workers * _ROW.size
        path = membership.directory / FILE
        try:
            with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
                file.truncate(bytes_)
                # Written first: a page that the disk has no room for is an error here, a signal when mapped.
                os.pwrite(file.fileno(), _ROW.pack(_NEVER, 0.0), self._worker_id * _ROW.size)
                self._rows = mmap.mmap(file.fileno(), bytes_)
        except OSError as error:
            raise cannot_make(str(path), error) from None

    def tell(self, load: float) -> None:
        """Of us: from 0.0, idle, to 1.0, no room for more."""
        self._write(self._clock(), load)

    def leave(self) -> None:
        """We are not there, or not any more."""
        self._write(_NEVER, 0.0)

    def of(self, worker_id: int) -> float:
        """Of that worker; infinity for one that is not there."""
        told_s, load = _ROW.unpack_from(self._rows, worker_id * _ROW.size)
        return float(load) if self._clock() - told_s < FRESH_S else math.inf

    def _write(self, told_s: float, load: float) -> None:
        _ROW.pack_into(self._rows, self._worker_id * _ROW.size, told_s, load)
