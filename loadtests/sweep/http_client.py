"""Requests over one kept connection: all the HTTP that a sweep on an asyncio loop needs.

It reads answers of our own server: Content-Length framing, no chunks, no redirects. A connection that
broke is opened anew by the next request.
"""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
NO_CONTENT = 204  # has no body, and so no length


class NoAnswer(Exception):
    """The server could not be asked, or answered without success or without a length. One line."""


class KeptConnection:
    """A connection to `http://host:port`, opened by the first request. Used by one task at a time.

    `token`: the bearer token that each request shows; empty: none.
    """

    def __init__(self, url: str, *, timeout_s: float, token: str = "") -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._timeout_s = timeout_s
        self._token = token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> bytes:
        """The body of the answer. Raises `NoAnswer`, at the latest after the timeout."""
        return await self._request("GET", path, b"")

    async def post(self, path: str, body: bytes) -> bytes:
        """Send JSON; the body of the answer. Raises `NoAnswer`, at the latest after the timeout."""
        return await self._request("POST", path, body)

    async def _request(self, method: str, path: str, body: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(method, path, body)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            await self.close()
            raise NoAnswer(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from None
        except BaseException:
            self._abort()  # cancelled in the middle of an answer: the connection is of no more use
            raise

    async def close(self) -> None:
        """Close the connection; may be called again."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with suppress(OSError):
                await streams[1].wait_closed()

    async def _exchange(self, method: str, path: str, content: bytes) -> bytes:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        if self._token:
            lines.append(f"Authorization: Bearer {self._token}")
        if content:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        writer.write("\r\n".join((*lines, "", "")).encode() + content)
        head = await reader.readuntil(HEAD_END)
        status, length = _parse_head(head)
        body = await reader.readexactly(length)
        if not 200 <= status < 300:
            raise ValueError(f"status {status}")
        return body

    def _abort(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def _parse_head(head: bytes) -> tuple[int, int]:
    """Status and content length. Raises ValueError."""
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].partition(" ")[2][:3])
    if status == NO_CONTENT:
        return status, 0
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return status, int(value)
    raise ValueError("an answer without Content-Length")
