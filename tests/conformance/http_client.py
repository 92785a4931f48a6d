"""HTTP for these tests: a connection for every request, or one that is kept. Knows bytes only.

A new connection for every request lets the server's worker processes share them. Cancelling a request
closes its connection: that is how a client disconnects.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

PATIENCE_S = 40.0  # for one answer; longer than any poll that the tests park
HEAD_END = b"\r\n\r\n"

Shape = TypeVar("Shape")


@dataclass(frozen=True)
class Answer:
    """One response. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.raw)

    def as_(self, shape: type[Shape], status: int = 200) -> Shape:
        """The body as a typed answer of that status; the test fails when it is not that."""
        assert self.status == status, (self.status, self.raw)
        return msgspec.json.decode(self.raw, type=shape)

    @property
    def error(self) -> str:
        """The text of an error answer; the test fails when it is not JSON with text and code."""
        assert self.headers["content-type"].startswith("application/json"), self.headers
        body = self.json
        assert isinstance(body["code"], str), body
        assert isinstance(body["error"], str), body
        return str(body["error"])


class Session:
    """One kept connection."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.url = url
        self._reader = reader
        self._writer = writer

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator["Session"]:
        """Connect; the connection is closed at the end of the block, however it ends."""
        place = urlsplit(url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            yield cls(url, reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request. A body of bytes goes as it is, None is no body, anything else is JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        fields = {"Host": urlsplit(self.url).netloc, **(headers or {})}
        if content or method == "POST":
            fields = {"Content-Type": "application/json", "Content-Length": str(len(content)), **fields}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        self._writer.write("\r\n".join(lines).encode() + HEAD_END + content)
        async with asyncio.timeout(PATIENCE_S):
            return await self._read(method)

    async def _read(self, method: str) -> Answer:
        head = (await self._reader.readuntil(HEAD_END)).decode("latin-1")
        start, *fields = head.rstrip("\r\n").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)
        }
        length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        return Answer(int(start.split()[1]), headers, await self._reader.readexactly(length))


@dataclass(frozen=True)
class Connecting:
    """A connection of its own for every request to one server."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request."""
        async with Session.open(self.url) as session:
            return await session.ask(method, path, body, {**self.headers, **(headers or {})})
