"""A relayed connection: two ends, each of which reads bytes that come out of the other after a delay.

Order is kept, any number of chunks is under way at once. End of stream and loss of a connection travel
through the same delay line, so they arrive behind the data that was sent before them.

Back-pressure: at most `WINDOW_BYTES` of a direction are under way, and a direction whose receiver does
not read stops reading its sender. So a direction holds `WINDOW_BYTES` and its write buffer, no more.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import cast

from queen.local.delay_line import DelayLine

WINDOW_BYTES = 4 * 1024 * 1024


class End(asyncio.Protocol):
    """One end. What it reads before it is joined to its peer sets out when it is."""

    transport: asyncio.Transport
    peer: "End | None" = None

    def __init__(self, line: DelayLine, ends: set["End"]) -> None:
        self._line = line
        self._ends = ends  # all that are open, for whoever must close them
        self.lost = asyncio.get_running_loop().create_future()  # done when the connection is no more
        self._early: list[Callable[[End], None]] = []
        self._under_way_bytes = 0  # read here, not yet written to the peer
        self._peer_is_full = False
        self._reading = True
        self._ended = False  # its end of stream has been delivered to the peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._ends.add(self)

    def data_received(self, data: bytes) -> None:
        self._under_way_bytes += len(data)
        self._send(partial(self._deliver, data))
        if self._under_way_bytes >= WINDOW_BYTES:
            self._read_or_pause()

    def eof_received(self) -> bool:
        self._send(self._deliver_end)
        return True  # keep the transport: the other direction is still open

    def connection_lost(self, error: Exception | None) -> None:
        self._ends.discard(self)
        self.lost.set_result(None)
        self._send(_abort if error else _close)

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer._set_peer_is_full(True)

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer._set_peer_is_full(False)

    def join(self, peer: "End") -> None:
        """What this end reads comes out of `peer` from now on."""
        self.peer = peer
        for delivery in self._early:
            self._send(delivery)
        self._early.clear()

    def _send(self, delivery: Callable[["End"], None]) -> None:
        if self.peer is None:
            self._early.append(delivery)
        else:
            self._line.put(partial(delivery, self.peer))

    def _deliver(self, data: bytes, peer: "End") -> None:
        self._under_way_bytes -= len(data)
        if not peer.transport.is_closing():
            peer.transport.write(data)
        if not self._reading:
            self._read_or_pause()

    def _deliver_end(self, peer: "End") -> None:
        self._ended = True
        if peer.transport.is_closing():
            return
        if peer._ended:
            peer.transport.close()  # after what is still to be written
            self.transport.close()
        else:
            peer.transport.write_eof()

    def _set_peer_is_full(self, full: bool) -> None:
        self._peer_is_full = full
        self._read_or_pause()

    def _read_or_pause(self) -> None:
        wanted = not self._peer_is_full and self._under_way_bytes < WINDOW_BYTES
        if wanted == self._reading or self.transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()


def _close(end: End) -> None:
    end.transport.close()


def _abort(end: End) -> None:
    end.transport.abort()
