"""How the workers of an instance tell each other their figures: a Unix socket each, in a private directory.

    connect to DIRECTORY/N.figures → worker N writes its `Reading` (MessagePack) and closes

The directory is the supervisor's and open to its user alone. A worker that is being replaced, or whose
event loop is busy for longer than the patience, is left out: whoever asks learns whom it heard from.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import cast

import msgspec

from queen.observe.reading import Reading
from queen.server import handover, loads
from queen.server.membership import Membership, cannot_make

PATIENCE_S = 0.5
FIGURES = "figures"  # the kind of the sockets' names
OWNER_LOCK = "owner.lock"  # by which the supervisor holds the directory


class NeighbourSockets:
    """One worker's view of the others."""

    def __init__(self, membership: Membership, patience_s: float = PATIENCE_S) -> None:
        self.worker_id = membership.worker_id
        self.workers = membership.workers
        self._membership = membership
        self._patience_s = patience_s
        self._decoder = msgspec.msgpack.Decoder(Reading)

    async def read(self) -> Mapping[int, Reading]:
        """The readings of the others that answer in time, by worker id."""
        others = self._membership.others
        told = await asyncio.gather(*map(self._ask, others))
        return {number: reading for number, reading in zip(others, told, strict=True) if reading is not None}

    @asynccontextmanager
    async def answering(self, read: Callable[[], Reading]) -> AsyncIterator[None]:
        """Give the others our own reading whenever they ask, inside the block. Raises `UserError`."""
        path = self._membership.free_place(FIGURES)
        try:
            server = await asyncio.get_running_loop().create_unix_server(lambda: _Telling(read), path)
        except OSError as error:
            raise cannot_make(f"a socket at {path}", error) from None
        try:
            yield
        finally:
            server.close()
            path.unlink(missing_ok=True)

    def remove_directory(self) -> None:
        """Leave nothing behind in the supervisor's place: whoever finds no socket of another is the last.

        The path came on the command line, so nothing goes but what is ours by name, and a directory that is
        empty then.
        """
        directory, place = self._membership.directory, self._membership.place
        if any(place(number, FIGURES).exists() for number in range(self.workers)):
            return
        left = [place(number, handover.CLIENTS) for number in range(self.workers)]
        with suppress(OSError):
            for path in (directory / OWNER_LOCK, directory / loads.FILE, *left):
                path.unlink(missing_ok=True)
            directory.rmdir()

    async def _ask(self, number: int) -> Reading | None:
        try:
            async with asyncio.timeout(self._patience_s):
                reader, writer = await asyncio.open_unix_connection(self._membership.place(number, FIGURES))
                try:
                    return self._decoder.decode(await reader.read())
                finally:
                    writer.close()
        except (OSError, TimeoutError, msgspec.DecodeError):
            return None


class _Telling(asyncio.Protocol):
    """One answer to a sibling."""

    def __init__(self, read: Callable[[], Reading]) -> None:
        self._read = read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Whoever connects asks."""
        asker = cast(asyncio.Transport, transport)
        asker.write(msgspec.msgpack.encode(self._read()))
        asker.close()
