"""Flow control of one connection: when its client is read from, and when it is written to.

Reading stops while the client does not take its answers, and while it sends more pipelined bytes than
`PENDING_BYTES` ahead of the answer it waits for. So an impolite client costs two bounded buffers.
"""

import asyncio

PENDING_BYTES = 64 * 1024


class FlowControl:
    """Pauses and resumes reading; knows whether writing is blocked, and whether it goes on."""

    __slots__ = ("_transport", "_unsent_bytes", "reading", "write_blocked")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._unsent_bytes = 0
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

    def client_takes(self) -> bool:
        """Whether some of what was waiting to be sent has left since this was last asked."""
        unsent_bytes = self._transport.get_write_buffer_size()
        some_left = unsent_bytes < self._unsent_bytes
        self._unsent_bytes = unsent_bytes
        return some_left
