"""All connections of one worker: their number, their time limits, their handlers, their end.

Time limits cost no timer per request: each connection states one `deadline_s` (event-loop time), and
one sweep over all of them, once a second, expires those that are past it. A limit is therefore kept
to within the sweep's interval. Every handler, be it a task or what an answer waits for, is in `handlers`
until it is done; the drain awaits them.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from queen.errors import Overloaded, ShuttingDown
from queen.http.message import Awaited

_log = logging.getLogger("queen.http")

SWEEP_INTERVAL_S = 1.0


class Connection(Protocol):
    """What the sweep, the drain and the balance (`queen.server.balance`) need to know of a connection."""

    @property
    def deadline_s(self) -> float:
        """When it must be expired, in event-loop time."""
        ...

    def expire(self) -> None:
        """The deadline has passed."""
        ...

    def begin_drain(self) -> None:
        """Close now when idle; else give the rest of an arriving request little time."""
        ...

    def abort(self) -> None:
        """Close now, whatever is going on."""
        ...

    @property
    def used_s(self) -> float:
        """When it last had to do with a request, in event-loop time."""
        ...

    @property
    def descriptor(self) -> int | None:
        """The client's socket, while another process could go on with it."""
        ...

    def after_answer(self, then: "Callable[[Connection], None]") -> None:
        """Call `then` with the next answer that is out before anything of another request has come."""
        ...

    def let_go(self) -> None:
        """Another process goes on with it: end here, without a word to the client."""
        ...


class Connections:
    """The open connections, and the handlers that run on their behalf."""

    def __init__(self, max_clients: int, sweep_interval_s: float = SWEEP_INTERVAL_S) -> None:
        self.max_clients = max_clients
        self.open: set[Connection] = set()
        self.handlers: set[Awaited] = set()
        self.moved = 0  # connections that went on to another worker, since the start
        self.refused = 0  # connections over `max_clients`, since the start
        self.abandoned = 0  # answers whose client had gone or half-closed, since the start
        self.draining = False
        self._sweep_interval_s = sweep_interval_s
        self._loop = asyncio.get_running_loop()
        self._quiet = asyncio.Event()  # set whenever a connection or a handler has ended

    def admit(self, connection: Connection) -> None:
        """Count a new connection in. Raises `ShuttingDown` or `Overloaded` when it cannot be taken."""
        if self.draining:
            raise ShuttingDown("the server is shutting down")
        if len(self.open) >= self.max_clients:
            self.refused += 1
            raise Overloaded(f"more than {self.max_clients} connections")
        self.open.add(connection)

    def leave(self, connection: Connection) -> None:
        """The connection is closed."""
        self.open.discard(connection)
        self._quiet.set()

    def count_abandoned(self) -> None:
        """An answer is ready and its client has gone."""
        self.abandoned += 1
        _log.info("client_gone_before_answer")

    def run(self, handler: Coroutine[Any, Any, None]) -> None:
        """Run a handler as a task of this worker: a client that goes away does not cancel it."""
        task = self._loop.create_task(handler)
        self.handlers.add(task)
        task.add_done_callback(self._handler_done)

    def watch(self, awaited: Awaited, then: Callable[[Awaited], None]) -> None:
        """Count it as a handler of this worker, until `then`, which is called once it is done, says `end`."""
        self.handlers.add(awaited)
        awaited.add_done_callback(then)

    def end(self, handler: Awaited) -> None:
        """The handler is done."""
        self.handlers.discard(handler)
        if not self.handlers:
            self._quiet.set()

    async def sweep_forever(self, then: Callable[[], None] | None = None) -> None:
        """Expire what is past its deadline, and call `then`, again and again; the worker owns the task."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._sweep_interval_s)
            now_s = loop.time()
            for connection in [each for each in self.open if each.deadline_s <= now_s]:
                connection.expire()
            if then is not None:
                then()

    def begin_drain(self) -> None:
        """From now on: no new connections, 503 for new requests, idle connections are closed."""
        self.draining = True
        for connection in list(self.open):
            connection.begin_drain()

    async def drain(self, grace_s: float) -> int:
        """Wait for the handlers, then for the connections; cut off what is left after `grace_s`.

        Returns how many handlers were cancelled: 0 is a clean end.
        """
        try:
            async with asyncio.timeout(grace_s):
                await self._until_quiet()
        except TimeoutError:
            pass
        return await self.cut_off()

    async def cut_off(self) -> int:
        """Cancel the handlers that still run and abort every connection; returns the handlers' number."""
        cut_off = 0
        while unfinished := list(self.handlers):  # what was awaited may go on as a task
            cut_off += len(unfinished)
            for handler in unfinished:
                handler.cancel()
            tasks = [handler for handler in unfinished if asyncio.isfuture(handler)]
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)  # let each be counted out
        for connection in list(self.open):
            connection.abort()
        return cut_off

    async def _until_quiet(self) -> None:
        while self.handlers or self.open:
            self._quiet.clear()
            await self._quiet.wait()

    def _handler_done(self, task: asyncio.Future[None]) -> None:
        self.end(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("answer_failed", exc_info=error)
