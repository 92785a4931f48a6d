"""One connection over a real socket: order, keep-alive, refusals, time limits, clients that go away."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

import pytest

from queen.errors import NotDone, PoolTimeout
from queen.http.limits import Limits
from queen.http.message import Request, Response
from queen.http.routes import Route, RouteTable
from tests.attempts import attempts, in_time
from tests.http import hostile
from tests.http.hostile import HOST
from tests.http.wire import RunningServer, one_by_one, pause, running
from tests.waiting import until

GET = b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n"
ECHO = b"POST /echo HTTP/1.1\r\n" + HOST


class Handlers:
    """Handlers that a test can look into."""

    def __init__(self) -> None:
        self.parked = 0
        self.finished = 0
        self.client_gone = False
        self.bodies: list[bytes] = []
        self.let_go = asyncio.Event()

    def routes(self) -> RouteTable:
        return RouteTable(
            [
                Route("GET", "/echo", self.echo),
                Route("POST", "/echo", self.echo),
                Route("POST", "/park", self.park),
                Route("GET", "/poll", self.poll),
                Route("GET", "/fail/{how}", self.fail),
                Route("GET", "/big", self.big),
            ]
        )

    async def echo(self, request: Request) -> Response:
        self.bodies.append(request.body)
        return Response(body=request.body or b"{}")

    async def park(self, request: Request) -> Response:
        """A push that waits for its commit, whatever its client does."""
        self.parked += 1
        request.client.on_gone(self.note_gone)
        await self.let_go.wait()
        self.finished += 1
        return Response(status=201, body=request.body)

    def note_gone(self) -> None:
        self.client_gone = True

    async def poll(self, request: Request) -> Response:
        """A long poll that ends when its client goes away."""
        gone = asyncio.Event()
        take_back = request.client.on_gone(gone.set)
        self.parked += 1
        await gone.wait()
        take_back()
        self.finished += 1
        return Response(status=204)

    async def fail(self, request: Request) -> Response:
        match request.params[0]:
            case "pool":
                raise PoolTimeout
            case "header":
                return Response(headers=(("X", "a\r\nInjected: b"),))
            case _:
                raise RuntimeError("the secret of the house")

    async def big(self, _request: Request) -> Response:
        return Response(body=b"x" * 30_000_000)


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
async def server(handlers: Handlers) -> AsyncIterator[RunningServer]:
    """No limit that a quick test could meet by accident."""
    async with running(handlers.routes(), Limits(body_bytes=1_000_000)) as server:
        yield server


@pytest.fixture
async def impatient(handlers: Handlers) -> AsyncIterator[RunningServer]:
    """Time limits of a tenth of a second."""
    limits = Limits(header_timeout_s=0.1, body_timeout_s=0.1, keep_alive_timeout_s=0.1)
    async with running(handlers.routes(), limits) as server:
        yield server


@pytest.mark.parametrize("name", hostile.REFUSED)
async def test_a_refusal_is_a_json_error_and_the_end_of_the_connection(handlers: Handlers, name: str) -> None:
    status, stream = hostile.REFUSED[name]
    async with running(handlers.routes(), hostile.LIMITS) as server, server.client() as client:
        answer = await client.exchange(stream)
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert answer.body.startswith(b'{"error":"')
        assert await client.closed()


async def test_pipelined_requests_are_answered_in_order(server: RunningServer) -> None:
    bodies = [b"%d" % number for number in range(1000)]
    async with server.client() as client:
        stream = b"".join(ECHO + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies)
        await client.send(stream)
        assert [(await client.answer()).body for _ in bodies] == bodies


async def test_one_request_of_a_connection_is_handled_at_a_time(
    server: RunningServer, handlers: Handlers
) -> None:
    park = b"POST /park HTTP/1.1\r\n" + HOST + b"\r\n"
    async with server.client() as client:
        await client.send(park + park)
        await until(lambda: handlers.parked == 1)
        assert len(server.connections.handlers) == 1
        handlers.let_go.set()
        assert [(await client.answer()).status for _ in range(2)] == [201, 201]


async def test_a_request_that_comes_byte_by_byte(server: RunningServer) -> None:
    async with server.client() as client:
        for piece in one_by_one(ECHO + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"):
            await client.send(piece)
        assert (await client.answer()).body == b"abc"


async def test_head_is_get_without_the_body(server: RunningServer) -> None:
    async with server.client() as client:
        await client.send(b"HEAD /echo HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = await client.answer(head_only=True)
        assert (answer.status, answer.headers["content-length"]) == (200, "2")
        assert (await client.exchange(GET)).body == b"{}"


async def test_methods(server: RunningServer) -> None:
    unknown = await server.exchange(b"BREW /echo HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (unknown.status, unknown.headers["allow"]) == (405, "get, head, options, post")
    preflight = await server.exchange(b"OPTIONS /echo HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "*")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/nowhere", 404),
        (b"/../etc/passwd", 404),
        (b"/echo/../echo", 404),
        (b"/%2e%2e/echo", 404),
        (b"/fail/%ff", 400),
        (b"/fail/%zz", 400),
        (b"/echo?a=%f", 400),
        (b"http://elsewhere/echo", 200),
        (b"HTTP://elsewhere:80/echo?x=1", 200),
        (b"http://elsewhere", 404),
        (b"ftp://elsewhere/echo", 400),
        (b"echo", 400),
    ],
)
async def test_targets(server: RunningServer, target: bytes, status: int) -> None:
    async with server.client() as client:
        answer = await client.exchange(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert answer.status == status
        assert (await client.exchange(GET)).status == 200


async def test_connection_close_is_obeyed(server: RunningServer) -> None:
    async with server.client() as client:
        answer = await client.exchange(b"GET /echo HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        assert answer.headers["connection"] == "close"
        assert await client.closed()


async def test_http_1_0_closes_unless_asked_to_stay(server: RunningServer) -> None:
    async with server.client() as client:
        kept = await client.exchange(b"GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert kept.headers["connection"] == "keep-alive"
        closed = await client.exchange(b"GET /echo HTTP/1.0\r\n\r\n")
        assert closed.headers["connection"] == "close"
        assert await client.closed()


async def test_expect_100_continue(server: RunningServer) -> None:
    async with server.client() as client:
        await client.send(ECHO + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert (await client.answer()).status == 100
        assert (await client.exchange(b"abc")).body == b"abc"


async def test_a_body_that_is_too_large_is_refused_before_it_is_sent(server: RunningServer) -> None:
    async with server.client() as client:
        head = ECHO + b"Expect: 100-continue\r\nContent-Length: 1000001\r\n\r\n"
        assert (await client.exchange(head)).status == 413


async def test_a_client_that_sends_on_after_the_refusal_can_read_it(server: RunningServer) -> None:
    async with server.client() as client:
        await client.send(ECHO + b"Content-Length: 5000000\r\n\r\n")
        await client.send(b"x" * 5_000_000)
        assert (await client.answer()).status == 413


async def test_a_half_closed_client_gets_its_answers(server: RunningServer, handlers: Handlers) -> None:
    async with server.client() as client:
        await client.send(b"POST /park HTTP/1.1\r\n" + HOST + b"\r\n" + GET)
        await until(lambda: handlers.parked == 1)
        client.writer.write_eof()
        handlers.let_go.set()
        assert [(await client.answer()).status for _ in range(2)] == [201, 200]
        assert await client.closed()


# Failures of a handler


async def test_a_typed_error_keeps_status_code_and_retry_after(server: RunningServer) -> None:
    async with server.client() as client:
        answer = await client.exchange(b"GET /fail/pool HTTP/1.1\r\n" + HOST + b"\r\n")
        assert (answer.status, answer.headers["retry-after"]) == (503, str(NotDone.retry_after_s))
        assert answer.body == b'{"error":"timeout exceeded when trying to connect","code":"pool_timeout"}'
        assert (await client.exchange(GET)).status == 200


async def test_an_untyped_error_is_logged_once_and_told_to_nobody(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await server.exchange(b"GET /fail/oops HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (answer.status, answer.body) == (500, b'{"error":"internal error","code":"internal"}')
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.getMessage() == "handler_failed"
    assert record.exc_info is not None


async def test_a_header_that_breaks_the_framing_never_leaves(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.client() as client:
        await client.send(b"GET /fail/header HTTP/1.1\r\n" + HOST + b"\r\n")
        assert await client.closed()
    await until(lambda: any(record.getMessage() == "answer_failed" for record in caplog.records))


# Clients that go away


@pytest.mark.parametrize("reset", [True, False])
async def test_a_push_finishes_although_its_client_is_gone(
    server: RunningServer, handlers: Handlers, reset: bool
) -> None:
    async with server.client() as client:
        await client.send(b"POST /park HTTP/1.1\r\n" + HOST + b"\r\n")
        await until(lambda: handlers.parked == 1)
        client.leave(reset=reset)
        await until(lambda: handlers.client_gone)
    assert len(server.connections.handlers) == 1
    handlers.let_go.set()
    await until(lambda: not server.connections.handlers and not server.connections.open)
    assert handlers.finished == 1
    assert server.connections.abandoned == 1


async def test_a_poll_learns_that_its_client_is_gone(server: RunningServer, handlers: Handlers) -> None:
    async with server.client() as client:
        await client.send(b"GET /poll HTTP/1.1\r\n" + HOST + b"\r\n")
        await until(lambda: handlers.parked == 1)
        client.leave()
        await until(lambda: handlers.finished == 1)


async def test_a_client_that_leaves_within_its_request_leaves_nothing(
    server: RunningServer, handlers: Handlers
) -> None:
    async with server.client() as client:
        await client.send(ECHO + b"Content-Length: 10\r\n\r\nabc")
        await until(lambda: len(server.connections.open) == 1)
        client.leave()
        await until(lambda: not server.connections.open)
    assert handlers.bodies == []


# Limits


@pytest.mark.parametrize(
    "start",
    [b"G", b"GET / HTTP/1.1\r\nHo", b"GET / HTTP/1.1\r\nHost: a\r\n", ECHO + b"Content-Length: 3\r\n\r\nab"],
)
async def test_a_request_that_does_not_arrive_is_408(impatient: RunningServer, start: bytes) -> None:
    async with impatient.client() as client:
        assert (await client.exchange(start)).status == 408
        assert await client.closed()


async def test_a_head_that_trickles_in_is_408_all_the_same(impatient: RunningServer) -> None:
    async with impatient.client() as client:
        answer = asyncio.create_task(client.answer())
        await client.send(b"GET / HTTP/1.1\r\n")
        while not answer.done():
            await client.send(b"X: y\r\n")
            await asyncio.wait((answer,), timeout=0.01)
        assert answer.result().status == 408


async def test_a_pipelined_head_gets_its_own_time(impatient: RunningServer, handlers: Handlers) -> None:
    async with impatient.client() as client:
        await client.send(b"GET /echo HTTP/1.1\r\n")
        await client.send(HOST + b"\r\n" + b"GET /ec")
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == 408


async def test_a_body_may_take_long_while_it_makes_progress(
    impatient: RunningServer, handlers: Handlers
) -> None:
    body = b"x" * 40
    async with impatient.client() as client:
        await client.send(ECHO + b"Content-Length: 40\r\n\r\n")
        for piece in one_by_one(body):  # four times the limit in all
            await client.send(piece)
            await pause(0.01)
        assert (await client.answer()).body == body


async def test_an_idle_connection_is_closed_without_a_word(impatient: RunningServer) -> None:
    async with impatient.client() as client:
        assert (await client.exchange(GET)).status == 200
        assert await client.closed()


async def test_a_client_that_does_not_read_is_cut_off(impatient: RunningServer) -> None:
    async with impatient.client() as client:
        await client.send(b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n")
        await until(lambda: len(impatient.connections.open) == 1)
        await until(lambda: not impatient.connections.open)


@pytest.mark.parametrize("connection", [b"", b"Connection: close\r\n"])
async def test_a_client_that_reads_slowly_gets_it_all(handlers: Handlers, connection: bytes) -> None:
    limits = Limits(body_timeout_s=0.3)
    for attempt in attempts():
        with attempt:
            async with running(handlers.routes(), limits) as server, server.client() as client:
                await client.send(b"GET /big HTTP/1.1\r\n" + HOST + connection + b"\r\n")
                await client.reader.readuntil(b"\r\n\r\n")
                read_s = time.perf_counter()
                for _ in range(30):  # three times the limit in all
                    try:
                        await client.reader.readexactly(1_000_000)
                    except (asyncio.IncompleteReadError, ConnectionError):
                        in_time(time.perf_counter() - read_s, 0.25)  # or it was slower than it may be
                        raise
                    read_s = time.perf_counter()
                    await pause(0.03)


async def test_a_client_that_does_not_read_is_not_read_from(
    server: RunningServer, handlers: Handlers
) -> None:
    """The requests behind an answer that is not taken wait in the kernel, not in the server."""
    async with server.client() as client:
        client.writer.write(b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n")
        client.writer.write(GET * 100_000)
        assert len((await client.answer()).body) == 30_000_000
        assert (await client.answer()).status == 200


async def test_one_connection_too_many_is_503(handlers: Handlers) -> None:
    async with running(handlers.routes(), Limits(), max_clients=1) as server, server.client() as first:
        assert (await first.exchange(GET)).status == 200
        async with server.client() as second:
            answer = await second.answer()
            assert (answer.status, b'"code":"overloaded"' in answer.body) == (503, True)
            assert await second.closed()
        assert (await first.exchange(GET)).status == 200
        assert server.connections.refused == 1


# Drain


async def test_drain(server: RunningServer, handlers: Handlers) -> None:
    """In flight: answered. Arriving: 503. Idle: closed. Nothing cut off."""
    async with server.client() as busy, server.client() as arriving, server.client() as idle:
        await busy.send(b"POST /park HTTP/1.1\r\n" + HOST + b"\r\n")
        await arriving.send(b"GET /echo HTTP/1.1\r\n")
        await idle.exchange(GET)
        await until(lambda: handlers.parked == 1 and len(server.connections.open) == 3)
        server.connections.begin_drain()
        drain = asyncio.create_task(server.connections.drain(grace_s=5))
        assert await idle.closed()
        refused = await arriving.exchange(HOST + b"\r\n")
        assert (refused.status, refused.headers["connection"]) == (503, "close")
        assert b'"code":"shutting_down"' in refused.body
        assert not drain.done()
        handlers.let_go.set()
        answer = await busy.answer()
        assert (answer.status, answer.headers["connection"]) == (201, "close")
        assert await drain == 0


async def test_a_connection_that_comes_during_the_drain_is_told(server: RunningServer) -> None:
    server.connections.begin_drain()
    async with server.client() as client:
        answer = await client.answer()
        assert (answer.status, b'"code":"shutting_down"' in answer.body) == (503, True)
        assert await client.closed()


async def test_drain_cuts_off_what_outlives_the_grace(server: RunningServer, handlers: Handlers) -> None:
    async with server.client() as client:
        await client.send(b"POST /park HTTP/1.1\r\n" + HOST + b"\r\n")
        await until(lambda: handlers.parked == 1)
        server.connections.begin_drain()
        assert await server.connections.drain(grace_s=0.05) == 1
        await until(lambda: not server.connections.open)
    assert handlers.finished == 0


# The token


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Authorization: Bearer\r\n",
        b"Authorization: Bearer \r\n",
        b"Authorization: Bearer wrong\r\n",
        b"Authorization: Bearer s3cret-and-more\r\n",
        b"Authorization: Basic s3cret\r\n",
        b"Authorization: s3cret\r\n",
        b"Authorization: Bearer \xff\xfe\r\n",
        b"Authorization: Bearer " + b"x" * 8000 + b"\r\n",
        b"Authorization: Bearer s3cret\r\nAuthorization: Bearer s3cret\r\n",
    ],
)
async def test_without_the_token_401(
    handlers: Handlers, authorization: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(handlers.routes(), Limits(), token="s3cret") as server:
        answer = await server.exchange(b"GET /echo HTTP/1.1\r\n" + HOST + authorization + b"\r\n")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "bearer")
    assert answer.body == b'{"error":"a bearer token is required","code":"unauthorized"}'
    assert "s3cret" not in caplog.text


async def test_with_the_token(handlers: Handlers) -> None:
    async with running(handlers.routes(), Limits(), token="s3cret") as server:
        for scheme in (b"Bearer", b"bearer"):
            head = b"GET /echo HTTP/1.1\r\n" + HOST + b"Authorization: " + scheme + b" s3cret\r\n\r\n"
            assert (await server.exchange(head)).status == 200


async def test_probes_and_preflight_need_no_token(handlers: Handlers) -> None:
    routes = handlers.routes()
    routes.add(Route("GET", "/livez", handlers.echo))
    async with running(routes, Limits(), token="s3cret") as server:
        assert (await server.exchange(b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")).status == 200
        assert (await server.exchange(b"OPTIONS /echo HTTP/1.1\r\n" + HOST + b"\r\n")).status == 204
