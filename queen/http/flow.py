"""Flow control of one connection: when its client is read from, and when it is written to.

Reading stops while the client does not take its answers, and while it sends more pipelined bytes than
`PENDING_BYTES` ahead of the answer it waits for. So an impolite client costs two bounded buffers.
"""

import asyncio

PENDING_BYTES = 64 * 1024


class FlowControl:
    """Pauses and resumes reading; knows whether writing is blocked."""

    __slots__ = ("_transport", "reading", "write_blocked")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.reading = True  # whether the transport delivers what arrives
        self.write_blocked = False  # the transport's buffer is over its high-water mark

    def update(self, *, busy: bool, pending_bytes: int) -> None:
        """Read on or not, after a change: `busy` while a request is being answered."""
        wanted = not self.write_blocked and not (busy and pending_bytes > PENDING_BYTES)
        if wanted is self.reading or self._transport.is_closing():
            return
        self.reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
