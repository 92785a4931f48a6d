"""A server around a few handlers, on a real socket, and a client that sends exactly the bytes it is given."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

from queen.http.auth import BearerToken
from queen.http.connections import Connections
from queen.http.dispatch import Dispatcher
from queen.http.errors import ProtocolError
from queen.http.limits import Limits
from queen.http.parser import ParsedRequest, RequestParser
from queen.http.protocol import HttpConnection
from queen.http.routes import RouteTable
from tests.waiting import until

PATIENCE_S = 5.0


def parse(pieces: list[bytes], limits: Limits) -> tuple[list[ParsedRequest], int | None]:
    """The requests that the pieces hold, and the status of the refusal that ended them."""
    parser, requests = RequestParser(limits), []
    for piece in pieces:
        parser.receive(piece)
        try:
            while (event := parser.next_event()) is not None:
                if isinstance(event, ParsedRequest):
                    requests.append(event)
        except ProtocolError as error:
            return requests, error.status
    return requests, None


def one_by_one(stream: bytes) -> list[bytes]:
    """The stream in pieces of one byte."""
    return [stream[at : at + 1] for at in range(len(stream))]


async def pause(seconds: float) -> None:
    """Be slow on purpose: the pace of a slow client, not a wait for something to happen."""
    await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Answer:
    """A response as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class RawClient:
    """A connection that sends what it is told to, well-formed or not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, head_only: bool = False) -> Answer:
        """The next response; `head_only` for an answer to HEAD."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status_line, *lines = head.strip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            length = 0 if head_only else int(headers.get("content-length", 0))
            return Answer(int(status_line.split()[1]), headers, await self.reader.readexactly(length))

    async def exchange(self, data: bytes) -> Answer:
        await self.send(data)
        return await self.answer()

    async def closed(self) -> bool:
        """Whether the server closes the connection, with nothing more to say."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read() == b""

    def leave(self, *, reset: bool = False) -> None:
        """Close the connection, with FIN or with RST."""
        if reset:
            no_linger = struct.pack("ii", 1, 0)
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self.writer.close()


@dataclass(frozen=True)
class RunningServer:
    """An HTTP server inside the test's own event loop."""

    port: int
    connections: Connections

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[RawClient]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield RawClient(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def exchange(self, data: bytes) -> Answer:
        """One request on a connection of its own."""
        async with self.client() as client:
            return await client.exchange(data)


@contextlib.asynccontextmanager
async def running(
    routes: RouteTable, limits: Limits, *, token: str = "", max_clients: int = 100
) -> AsyncIterator[RunningServer]:
    """Serve the routes on a free port; time limits are kept to within some hundredths of a second."""
    connections = Connections(max_clients, sweep_interval_s=0.01)
    dispatcher = Dispatcher(routes, BearerToken(token))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpConnection(connections, dispatcher, limits), "127.0.0.1", 0)
    sweep = loop.create_task(connections.sweep_forever())
    try:
        yield RunningServer(server.sockets[0].getsockname()[1], connections)
    finally:
        server.close()
        await connections.cut_off()
        await until(lambda: not connections.open)
        sweep.cancel()
