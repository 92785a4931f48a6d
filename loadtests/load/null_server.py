"""A server that does nothing, as fast as it can: the load generator's ceiling is measured against it.

Every request, whatever it says, is answered at once with the same well-formed push answer of N queued
messages. A generator that reaches R messages/s here cannot prove anything above a good part of R about
a real server. Run it as `python -m loadtests.load.null_server --port 0 --batch 10`.
"""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

import msgspec
import uvloop

HEAD_END = b"\r\n\r\n"
CONTENT_LENGTH = b"content-length:"


def push_answer(batch: int) -> bytes:
    """The whole HTTP response to a push of `batch` messages, all `queued`."""
    items = [
        {
            "index": index,
            "transaction_id": f"null-0-{index}",
            "status": "queued",
            "message_id": f"01980000-0000-7000-8000-{index:012x}",
            "partition_id": "01980000-0000-7000-8000-000000000000",
            "trace_id": None,
            "queueName": "bench",
        }
        for index in range(batch)
    ]
    body = msgspec.json.encode(items)
    head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class NullProtocol(asyncio.Protocol):
    """Counts complete requests (Content-Length framing) and writes one fixed answer for each."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        complete, self._buffer = split_requests(self._buffer)
        if complete and self._transport is not None:
            self._transport.write(self._answer * complete)


def split_requests(buffer: bytes) -> tuple[int, bytes]:
    """How many complete requests `buffer` starts with, and the bytes after them."""
    complete = 0
    while (head_end := buffer.find(HEAD_END)) >= 0:
        end = head_end + len(HEAD_END) + _content_length(buffer[:head_end].lower())
        if len(buffer) < end:
            break
        buffer = buffer[end:]
        complete += 1
    return complete, buffer


def _content_length(head: bytes) -> int:
    start = head.find(CONTENT_LENGTH)
    if start < 0:
        return 0
    return int(head[start + len(CONTENT_LENGTH) :].split(b"\r\n", 1)[0])


async def serve(port: int, batch: int) -> None:
    """Listen on 127.0.0.1 until cancelled; prints `listening on <url>` first."""
    answer = push_answer(batch)
    server = await asyncio.get_running_loop().create_server(lambda: NullProtocol(answer), "127.0.0.1", port)
    async with server:
        print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the module."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.load.null_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0: any free one")
    parser.add_argument("--batch", type=int, default=1, help="messages in each answer")
    options = parser.parse_args(argv)
    with suppress(KeyboardInterrupt):
        uvloop.run(serve(options.port, options.batch))


if __name__ == "__main__":
    main()
