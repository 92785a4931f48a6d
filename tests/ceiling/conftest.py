"""An HTTP server that answers as the test says and keeps what it was asked."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import skip_unless_ci

Answer = tuple[int, bytes]  # status, body


@dataclass
class Listener:
    """`answer` gets method, path and body of each request."""

    url: str = ""
    answer: Callable[[str, str, bytes], Answer] = lambda method, path, body: (201, b"[]")
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                lengths = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
                length = int(lengths[0].partition(":")[2]) if lengths else 0
                body = await reader.readexactly(length)
                self.requests.append((method, path, body))
                status, content = self.answer(method, path, body)
                writer.write(
                    b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=1 << 22)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made


@pytest.fixture
def wrk() -> Path:
    found = shutil.which("wrk")
    if found is None:
        skip_unless_ci("wrk is not installed (apt-get install wrk)")
    return Path(found)
