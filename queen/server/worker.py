"""The life of one worker process: bind, open the application, listen, serve, drain, end.

    bind → application opens (pool, migrations) → listen → ready: "listening on …" on stdout
         → first SIGTERM or SIGINT: no new connections, 503 for new requests, parked polls answer,
           requests in flight get SHUTDOWN_GRACE ms → application closes → exit code
         → second signal: whatever still runs is cut off

A worker that is alone (NUM_WORKERS=1) is the server process itself; one of several is a process that
the supervisor starts (`queen.server.member`), and differs in what it hears its signals and tells its
readiness by.

The port is bound first, so that a taken port is known at once, and listened on last, so that nobody
connects to a server that is not ready. Exit code 0: everything was answered; 1: something was cut off.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from socket import socket
from typing import Any, Protocol

from queen.event_loop import loop_factory
from queen.http.auth import BearerToken
from queen.http.connections import SWEEP_INTERVAL_S, Connections
from queen.http.dispatch import Dispatcher
from queen.http.limits import Limits
from queen.http.protocol import HttpConnection
from queen.http.routes import RouteTable
from queen.observe.instance import Alone, Siblings
from queen.observe.log import start_logging
from queen.observe.loop_lag import LoopLag
from queen.server import collector
from queen.server.balance import Balance
from queen.server.file_limit import raise_file_limit
from queen.server.listening import announce, bind
from queen.server.membership import Membership
from queen.server.stop import Stop, call_on_signals
from queen.server.work import Work
from queen.settings import Settings

_log = logging.getLogger("queen.server")

BACKLOG = 1024  # connections that wait to be accepted
SWEEPS_PER_LIMIT = 4  # a short time limit makes the sweep more frequent than once a second


class Application(Protocol):
    """What a worker serves."""

    @property
    def routes(self) -> RouteTable:
        """The operations."""
        ...

    @property
    def pool_demand_s(self) -> float:
        """Time integral of the clients of the pool, those that wait included, over its connections."""
        ...

    def begin_drain(self) -> None:
        """The server stops: let everything that waits for better times answer now."""
        ...


ApplicationFactory = Callable[
    [Settings, Connections, LoopLag, Siblings], AbstractAsyncContextManager[Application]
]


def run(settings: Settings) -> int:
    """Serve the queue in this process until a signal; returns the exit code.

    Raises `UserError` when the port cannot be had or the database cannot be reached.
    """
    # Imported here: a worker that serves another application, in tests, needs no database driver.
    from queen.api.app import application

    start_logging(settings.log_level)
    raise_file_limit(settings.max_clients + settings.db_pool_size)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(serve_alone(settings, application))


async def serve_alone(settings: Settings, application: ApplicationFactory) -> int:
    """Serve one application on the running loop until a signal to this process; returns the exit code."""
    stop = Stop()
    call_on_signals(stop.ask)
    sockets = bind(settings.host, settings.port)
    return await serve(settings, application, sockets, stop, Alone(), ready=lambda: announce(sockets))


async def serve(
    settings: Settings,
    application: ApplicationFactory,
    sockets: Sequence[socket],
    stop: Stop,
    siblings: Siblings,
    ready: Callable[[], None],
    membership: Membership | None = None,
) -> int:
    """Serve one application on bound sockets until `stop`; calls `ready` once and returns the exit code.

    `membership`: of a worker that shares the clients with others, as WORKER_BALANCE says.
    """
    lag = LoopLag()
    connections = Connections(settings.max_clients, _sweep_interval_s(settings))
    async with application(settings, connections, lag, siblings) as served:
        dispatcher = Dispatcher(served.routes, BearerToken(settings.queen_token))
        limits = Limits.of(settings)
        balance = None
        if membership is not None and settings.first_worker_first:
            balance = Balance(membership, connections, Work(lambda: served.pool_demand_s))
        welcome, look = (balance.welcome, balance.look) if balance else (None, None)
        async with (
            _taking(balance, lambda: HttpConnection(connections, dispatcher, limits)),
            _running(connections.sweep_forever(look), lag.measure_forever()),
            _listening(sockets, lambda: HttpConnection(connections, dispatcher, limits, welcome)),
        ):
            with collector.calm():
                ready()
                await stop.first.wait()
            _log.info("stopping", extra={"in_flight": len(connections.handlers)})
        async with _running(connections.sweep_forever()):
            connections.begin_drain()
            served.begin_drain()
            unfinished = await _drain(connections, settings.shutdown_grace / 1000, stop.second)
    _log.info("stopped", extra={"cut_off": unfinished})
    return 0 if unfinished == 0 else 1


async def _drain(connections: Connections, grace_s: float, force: asyncio.Event) -> int:
    """Drain within the grace, or until forced; returns how many requests were cut off."""
    async with asyncio.TaskGroup() as group:
        drain = group.create_task(connections.drain(grace_s))
        forced = group.create_task(force.wait())
        await asyncio.wait((drain, forced), return_when=asyncio.FIRST_COMPLETED)
        if drain.done():
            forced.cancel()
            return drain.result()
        drain.cancel()
    return await connections.cut_off()


@asynccontextmanager
async def _listening(
    sockets: Sequence[socket], protocol: Callable[[], asyncio.Protocol]
) -> AsyncIterator[None]:
    """Accept connections inside the block."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(protocol, sock=each, backlog=BACKLOG) for each in sockets]
    try:
        yield
    finally:
        for server in servers:
            server.close()


@asynccontextmanager
async def _taking(balance: Balance | None, protocol: Callable[[], asyncio.Protocol]) -> AsyncIterator[None]:
    """Go on with connections of other workers inside the block."""
    if balance is None:
        yield
        return
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:

        def take(client: socket) -> None:
            group.create_task(_go_on(loop, protocol, client, balance))

        with balance.running(take):
            yield


async def _go_on(
    loop: asyncio.AbstractEventLoop,
    protocol: Callable[[], asyncio.Protocol],
    client: socket,
    balance: Balance,
) -> None:
    client.setblocking(False)
    try:
        await loop.connect_accepted_socket(protocol, client)
    except OSError:  # the client has gone meanwhile
        client.close()
    balance.tell()


@asynccontextmanager
async def _running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run endless tasks inside the block; one that fails ends the worker."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in loops]
        yield
        for task in tasks:
            task.cancel()


def _sweep_interval_s(settings: Settings) -> float:
    shortest_ms = min(settings.header_timeout, settings.body_timeout, settings.keep_alive_timeout)
    return min(SWEEP_INTERVAL_S, shortest_ms / 1000 / SWEEPS_PER_LIMIT)
