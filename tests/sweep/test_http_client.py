"""The sampler's HTTP: one kept connection, opened anew when it broke, never longer than its timeout."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from loadtests.sweep.http_client import KeptConnection, NoAnswer


class Script:
    """A server that answers the n-th request with the n-th bytes; None closes the connection instead."""

    def __init__(self) -> None:
        self.answers: list[bytes | None] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                answer = self.answers.pop(0)
                if answer is None:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    made = Script()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made


def answer(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


async def test_one_connection_serves_many_requests(script: Script) -> None:
    script.answers = [answer(b"one"), b"HTTP/1.1 204 No Content\r\n\r\n", answer(b"")]
    connection = KeptConnection(script.url, timeout_s=5)
    assert [await connection.get(path) for path in ("/a", "/b", "/c")] == [b"one", b"", b""]
    assert script.connections == 1
    await connection.close()
    await connection.close()


@pytest.mark.parametrize(
    "broken", [None, answer(b"no", 503), b"HTTP/1.1 200 OK\r\n\r\n", b"nonsense\r\n\r\n"]
)
async def test_after_a_bad_answer_the_next_request_opens_anew(script: Script, broken: bytes | None) -> None:
    script.answers = [broken, answer(b"fine")]
    connection = KeptConnection(script.url, timeout_s=5)
    with pytest.raises(NoAnswer, match=r"^GET /a: "):
        await connection.get("/a")
    assert await connection.get("/a") == b"fine"
    assert script.connections == 2
    await connection.close()


async def test_a_server_that_keeps_still_costs_the_timeout(script: Script) -> None:
    script.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal"]
    connection = KeptConnection(script.url, timeout_s=0.05)
    with pytest.raises(NoAnswer):
        await connection.get("/a")


async def test_nobody_there(unused_tcp_port_factory: Callable[[], int]) -> None:
    connection = KeptConnection(f"http://127.0.0.1:{unused_tcp_port_factory()}", timeout_s=1)
    with pytest.raises(NoAnswer, match="ConnectionRefusedError"):
        await connection.get("/a")
