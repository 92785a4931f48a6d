"""Handlers that give what to wait for instead of a task: answers, failures, forced stop, what stays."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
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


class Ticket:
    """Behaves as a future as far as a `Later` needs it, but its callback is called by whoever tells it."""

    def __init__(self) -> None:
        self.outcome: Response | asyncio.CancelledError | None = None
        self.callback: Callable[[Ticket], object] | None = None

    def add_done_callback(self, callback: "Callable[[Ticket], object]", /) -> None:
        self.callback = callback

    def cancel(self) -> None:
        self.tell(asyncio.CancelledError())

    def tell(self, outcome: Response | asyncio.CancelledError) -> None:
        self.outcome = outcome
        assert self.callback is not None
        self.callback(self)

    def finish(self) -> Answer:
        if isinstance(self.outcome, Response):
            return self.outcome
        assert self.outcome is not None
        raise self.outcome


class Seats:
    """Futures that a test completes."""

    def __init__(self) -> None:
        self.turns: list[asyncio.Future[str]] = []
        self.tickets: list[Ticket] = []
        self.bodies: list[weakref.ref[Body]] = []
        self.follow_ups = 0

    def routes(self) -> RouteTable:
        return RouteTable(
            [
                Route("POST", "/now", self.now),
                Route("POST", "/later", self.later),
                Route("POST", "/ticket", self.ticket),
            ]
        )

    def ticket(self, _request: Request) -> Answer:
        ticket = Ticket()
        self.tickets.append(ticket)
        return Later(ticket, ticket.finish)

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


async def test_answers_that_are_told_together_come_on_each_connection(
    server: RunningServer, seats: Seats
) -> None:
    asking = [asyncio.create_task(server.exchange(post("/ticket"))) for _ in range(3)]
    await until(lambda: len(seats.tickets) == 3)
    assert len(server.connections.handlers) == 3
    for number, ticket in enumerate(seats.tickets):
        ticket.tell(Response(body=b"%d" % number))
    assert not server.connections.handlers
    assert sorted([(await each).body for each in asking]) == [b"0", b"1", b"2"]


async def test_an_answer_that_cannot_be_written_costs_its_own_connection_alone(
    server: RunningServer, seats: Seats, caplog: pytest.LogCaptureFixture
) -> None:
    asking = [asyncio.create_task(server.exchange(post("/ticket"))) for _ in range(3)]
    await until(lambda: len(seats.tickets) == 3)
    for number, ticket in enumerate(seats.tickets):
        ticket.tell(Response(body=b"%d" % number, headers=(("X", "\r\n"),) if number == 1 else ()))
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert sorted([each.body for each in outcomes if not isinstance(each, BaseException)]) == [b"0", b"2"]
    assert [record.getMessage() for record in caplog.records] == ["answer_failed"]


async def test_pipelined_answers_keep_their_order(server: RunningServer, seats: Seats) -> None:
    async with server.client() as client:
        await client.send(post("/ticket") + post("/now") + post("/ticket"))
        await until(lambda: len(seats.tickets) == 1)
        seats.tickets[0].tell(Response(body=b"first"))
        await until(lambda: len(seats.tickets) == 2)
        seats.tickets[1].tell(Response(body=b"third"))
        assert [(await client.answer()).body for _ in range(3)] == [b"first", b"now", b"third"]


async def test_a_drain_waits_for_the_answer_and_lets_it_out(server: RunningServer, seats: Seats) -> None:
    asking = asyncio.create_task(server.exchange(post("/ticket")))
    await until(lambda: len(seats.tickets) == 1)
    server.connections.begin_drain()
    draining = asyncio.create_task(server.connections.drain(10))
    await until(lambda: server.connections.draining)
    seats.tickets[0].tell(Response(body=b"done"))
    answer = await asking
    assert (answer.body, answer.headers["connection"]) == (b"done", "close")
    assert await draining == 0


async def test_a_forced_stop_cuts_off_what_is_told_by_others(server: RunningServer, seats: Seats) -> None:
    asking = asyncio.create_task(server.exchange(post("/ticket")))
    await until(lambda: len(seats.tickets) == 1)
    assert await server.connections.cut_off() == 1
    assert isinstance(seats.tickets[0].outcome, asyncio.CancelledError)
    assert not server.connections.handlers
    [outcome] = await asyncio.gather(asking, return_exceptions=True)
    assert isinstance(outcome, Exception)
