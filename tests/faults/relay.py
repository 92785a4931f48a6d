"""A relay between a client and a server that loses answers: what was asked arrives, the client sees a reset.

It knows bytes only, so that it can stand before the queue server or before PostgreSQL.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


@dataclass
class LossyRelay:
    """`losing`: how many of the answers to come are lost."""

    url: str
    losing: int = 0


@asynccontextmanager
async def lossy_relay(server_url: str) -> AsyncIterator[LossyRelay]:
    """A relay before the server."""
    place = urlsplit(server_url)
    handlers: set[asyncio.Task[None]] = set()

    async def relay_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: what the client sends goes on as it is; an answer comes back, or a reset."""
        upstream, to_server = await asyncio.open_connection(place.hostname, place.port)
        forwarding = asyncio.create_task(_forward(reader, to_server))
        try:
            while answer := await upstream.read(CHUNK_BYTES):
                if relay.losing:
                    relay.losing -= 1
                    writer.transport.abort()
                    return
                writer.write(answer)
                await writer.drain()
        finally:
            forwarding.cancel()
            to_server.close()
            writer.close()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(relay_one(reader, writer))
        handlers.add(task)
        task.add_done_callback(handlers.discard)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    relay = LossyRelay("http://{}:{}".format(*listener.sockets[0].getsockname()[:2]))
    try:
        async with listener:
            yield relay
    finally:
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while sent := await reader.read(CHUNK_BYTES):
        writer.write(sent)
        await writer.drain()
