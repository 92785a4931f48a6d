"""A connection that goes on at another server between two requests: its client does not notice.

On the event loop of the workers and on asyncio's own: what a transport reads and when it closes is theirs.
"""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from queen.event_loop import loop_factory
from queen.http.auth import BearerToken
from queen.http.connections import Connection, Connections
from queen.http.dispatch import Dispatcher
from queen.http.limits import Limits
from queen.http.message import Request, Response
from queen.http.protocol import HttpConnection
from queen.http.routes import Route, RouteTable
from tests.http.wire import RawClient, RunningServer, one_by_one, pause
from tests.waiting import until

HOST = b"Host: a\r\n"
BIG = 32 * 1024 * 1024  # bytes, more than the kernel takes


class Pair:
    """Two servers in this process that pass a connection back and forth with each of its answers."""

    def __init__(self) -> None:
        routes = RouteTable([Route("POST", "/echo", self.echo), Route("GET", "/big", self.big)])
        self._dispatcher = Dispatcher(routes, BearerToken(""))
        self.sides = Connections(100), Connections(100)
        self.passed = 0
        self.answered = 0  # with much
        self.kept = 0  # it could not go: something was read, or was still to be sent
        self._going: set[asyncio.Task[None]] = set()

    async def echo(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(body=request.body)

    async def big(self, _request: Request) -> Response:
        self.answered += 1
        return Response(body=b"x" * BIG)

    def new(self) -> HttpConnection:
        return HttpConnection(self.sides[0], self._dispatcher, Limits(), partial(self.pass_on, 0))

    def pass_on(self, side: int, connection: Connection) -> None:
        """What a worker does, by a copy of the descriptor in place of a message."""
        descriptor = connection.descriptor
        if descriptor is None:
            self.kept += 1
            connection.after_answer(partial(self.pass_on, side))
            return
        there = socket.socket(fileno=os.dup(descriptor))
        connection.let_go()
        self.passed += 1
        task = asyncio.get_running_loop().create_task(self._go_on(1 - side, there))
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def _go_on(self, side: int, client: socket.socket) -> None:
        client.setblocking(False)
        made = HttpConnection(self.sides[side], self._dispatcher, Limits())
        await asyncio.get_running_loop().connect_accepted_socket(lambda: made, client)
        made.after_answer(partial(self.pass_on, side))


@asynccontextmanager
async def serving(pair: Pair) -> AsyncIterator[RunningServer]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(pair.new, "127.0.0.1", 0)
    try:
        yield RunningServer(server.sockets[0].getsockname()[1], pair.sides[0])
    finally:
        server.close()
        for side in pair.sides:
            await side.cut_off()
        await until(lambda: not any(side.open for side in pair.sides))


def request(number: int) -> bytes:
    body = b"%d" % number * random.Random(number).randint(1, 50)
    return b"POST /echo HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (HOST, len(body), body)


def body(number: int) -> bytes:
    return request(number).partition(b"\r\n\r\n")[2]


async def one_request_after_the_other() -> None:
    pair = Pair()
    async with serving(pair) as server, server.client() as client:
        for number in range(50):
            assert (await client.exchange(request(number))).body == body(number)
        assert (pair.passed, pair.kept) == (50, 0)
        await until(lambda: [len(side.open) for side in pair.sides] == [1, 0])


async def requests_that_come_in_pieces_ahead_of_their_answers() -> None:
    """It goes where nothing of the next request was read; what was not read goes along."""
    passed = [await _passed_in_pieces(random.Random(seed)) for seed in range(20)]
    assert sum(passed) > 20


async def _passed_in_pieces(randomness: random.Random) -> int:
    stream = b"".join(map(request, range(100)))
    pair = Pair()
    async with serving(pair) as server, server.client() as client:

        async def send() -> None:
            at = 0
            while at < len(stream):
                end = at + randomness.randint(1, 400)
                await client.send(stream[at:end])
                at = end
                for _ in range(randomness.choice((0, 1, 3, 100))):
                    await asyncio.sleep(0)

        sending = asyncio.create_task(send())
        answers = [await client.answer() for _ in range(100)]
        await sending
        assert [answer.body for answer in answers] == [body(number) for number in range(100)]
    return pair.passed


async def a_head_that_has_begun_to_come_keeps_it_here() -> None:
    pair = Pair()
    async with serving(pair) as server, server.client() as client:
        await client.send(request(1) + request(2)[:10])
        assert (await client.answer()).body == body(1)
        passed = pair.passed
        for piece in one_by_one(request(2)[10:]):
            await client.send(piece)
        assert (await client.answer()).body == body(2)
        assert passed == 0


async def an_answer_that_is_not_taken_yet_keeps_it_here() -> None:
    pair = Pair()
    async with serving(pair) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        client = RawClient(reader, writer)
        await client.send(b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n")
        await until(lambda: pair.answered == 1)
        await pause(0.01)
        assert pair.passed == 0
        assert len((await client.answer()).body) == BIG
        for number in range(2):  # with the answer after that one it goes
            assert (await client.exchange(request(number))).body == body(number)
        assert pair.passed > 0
        writer.close()


async def a_client_that_has_said_its_last_word_stays() -> None:
    pair = Pair()
    async with serving(pair) as server, server.client() as client:
        assert (await client.exchange(request(1))).body == body(1)
        client.writer.write(request(2))
        client.writer.write_eof()
        assert (await client.answer()).body == body(2)
        assert await client.closed()


class Transport(asyncio.Transport):
    """Takes what is written, but for `unsent_bytes`."""

    def __init__(self, client: socket.socket) -> None:
        super().__init__({"socket": client})
        self.unsent_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

    def abort(self) -> None: ...


async def test_there_is_a_descriptor_only_between_two_requests() -> None:
    pair = Pair()
    with socket.socket() as client:
        connection, transport = pair.new(), Transport(client)
        connection.after_answer(lambda _: None)

        def may_go() -> bool:
            return connection.descriptor == client.fileno()

        connection.connection_made(transport)
        assert may_go()
        connection.data_received(request(1)[:10])
        assert not may_go()
        connection.data_received(request(1)[10:])
        assert not may_go()  # it is being answered
        assert connection.used_s == float("inf")
        await until(may_go)
        assert connection.used_s == pytest.approx(asyncio.get_running_loop().time(), abs=5)
        transport.unsent_bytes = 1
        assert not may_go()
        transport.unsent_bytes = 0
        assert may_go()
        connection.eof_received()
        assert not may_go()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, loop_factory()], ids=["asyncio", "workers"])
@pytest.mark.parametrize(
    "scenario",
    [
        one_request_after_the_other,
        requests_that_come_in_pieces_ahead_of_their_answers,
        a_head_that_has_begun_to_come_keeps_it_here,
        an_answer_that_is_not_taken_yet_keeps_it_here,
        a_client_that_has_said_its_last_word_stays,
    ],
    ids=lambda scenario: scenario.__name__,
)
def test_a_connection_that_is_handed_over(
    loop: Callable[[], asyncio.AbstractEventLoop], scenario: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scenario())
