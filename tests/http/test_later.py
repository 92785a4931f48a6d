"""Handlers that give a future instead of a task: answers, failures, the forced stop, what stays behind."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from functools import partial

import pytest

from queen.errors import PoolTimeout
from queen.http.limits import Limits
from queen.http.message import Answer, Later, Request, Response
from queen.http.routes import Route, RouteTable
from tests.http.hostile import HOST
from tests.http.wire import RunningServer, running
from tests.waiting import until


class Body:
    """Stands for what a request holds on to."""


class Seats:
    """Futures that a test completes."""

    def __init__(self) -> None:
        self.turns: list[asyncio.Future[str]] = []
        self.bodies: list[weakref.ref[Body]] = []
        self.follow_ups = 0

    def routes(self) -> RouteTable:
        return RouteTable([Route("POST", "/now", self.now), Route("POST", "/later", self.later)])

    def now(self, _request: Request) -> Answer:
        return Response(body=b"now")

    def later(self, _request: Request) -> Answer:
        turn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        body = Body()
        self.turns.append(turn)
        self.bodies.append(weakref.ref(body))
        return Later(turn, partial(self.finish, turn, body))

    def finish(self, turn: asyncio.Future[str], body: Body) -> Answer:
        said = turn.result()
        return self.follow_up() if said == "go on" else Response(body=said.encode())

    async def follow_up(self) -> Response:
        self.follow_ups += 1
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody completes it")


def post(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nContent-Length: 0\r\n".encode() + HOST + b"\r\n"


@pytest.fixture
def seats() -> Seats:
    return Seats()


@pytest.fixture
async def server(seats: Seats) -> AsyncIterator[RunningServer]:
    async with running(seats.routes(), Limits()) as running_server:
        yield running_server


async def turn_of(seats: Seats, number: int = 0) -> asyncio.Future[str]:
    await until(lambda: len(seats.turns) > number)
    return seats.turns[number]


async def test_the_answer_comes_when_the_future_is_done(server: RunningServer, seats: Seats) -> None:
    asking = asyncio.create_task(server.exchange(post("/later")))
    turn = await turn_of(seats)
    assert not asking.done() and len(server.connections.handlers) == 1
    turn.set_result("done")
    answer = await asking
    assert (answer.status, answer.body) == (200, b"done")
    assert not server.connections.handlers


async def test_a_failed_future_is_an_error_response(server: RunningServer, seats: Seats) -> None:
    asking = asyncio.create_task(server.exchange(post("/later")))
    (await turn_of(seats)).set_exception(PoolTimeout())
    answer = await asking
    assert answer.status == 503
    assert b"timeout exceeded when trying to connect" in answer.body


async def test_a_failed_request_is_freed_without_the_collector(server: RunningServer, seats: Seats) -> None:
    gc.disable()
    try:
        asking = asyncio.create_task(server.exchange(post("/later")))
        (await turn_of(seats)).set_exception(PoolTimeout())
        await asking
        seats.turns.clear()
        await until(lambda: seats.bodies[0]() is None)
    finally:
        gc.enable()


async def test_thousands_of_pipelined_answers_do_not_nest(server: RunningServer) -> None:
    async with server.client() as client:
        count = 1500
        await client.send(post("/now") * count)
        for _ in range(count):
            assert (await client.answer()).status == 200


async def test_a_forced_stop_cuts_off_a_future_and_what_follows_on_it(
    server: RunningServer, seats: Seats
) -> None:
    asking = [asyncio.create_task(server.exchange(post("/later"))) for _ in range(2)]
    waiting, going_on = await turn_of(seats), await turn_of(seats, 1)
    going_on.set_result("go on")
    await server.connections.cut_off()
    assert waiting.cancelled()
    assert not server.connections.handlers
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(outcome, Exception) for outcome in outcomes)
