"""One HTTP/1.1 connection on an event loop: bytes in, one request at a time, answers in order.

    bytes → RequestParser → Dispatcher (→ a task or a `Later`, in `Connections`) → render → transport

The connection is always in one of three situations: *receiving* (the parser waits for bytes),
*answering* (a handler runs; further bytes only pile up, see `flow`) or *finished* (the last answer is
out, what still arrives is thrown away). How long each may take is in `patience`; when it took too
long, an idle connection is closed without a word, an unfinished request is answered 408, and a client
that does not take its answer is cut off.

A client that goes away does not cancel its handler (a push must finish): the handler learns of it by
`Request.client`. A client that has only shut down its sending side looks the same; it still gets the
answers to what it sent.
A connection may be handed to another process that serves the same port (`descriptor`, `let_go`).
After a refusal the connection lingers, since closing on unread bytes would reset the connection
and could take the answer with it (RFC 9112 §9.6).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

from queen.errors import NotDone, QueenError, ShuttingDown
from queen.http.connections import Connection, Connections
from queen.http.dispatch import Dispatcher, failure
from queen.http.errors import ProtocolError, RequestTimeout
from queen.http.flow import FlowControl
from queen.http.limits import Limits
from queen.http.message import Answer, Awaited, Later, Response
from queen.http.parser import CONTINUE, ParsedRequest, Phase, RequestParser
from queen.http.patience import Patience
from queen.http.presence import ClientPresence
from queen.http.response import CONTINUE_LINE, error_response, render

_log = logging.getLogger("queen.http")


class HttpConnection(asyncio.Protocol):
    """The server's side of one connection. `welcome`: called with it when its first answer is out."""

    _transport: asyncio.Transport
    _flow: FlowControl

    def __init__(
        self,
        connections: Connections,
        dispatcher: Dispatcher,
        limits: Limits,
        welcome: Callable[[Connection], None] | None = None,
    ) -> None:
        self._connections = connections
        self._dispatcher = dispatcher
        self._parser = RequestParser(limits)
        self._client = ClientPresence()
        self._answering = False
        self._finished = False
        self._after_answer = welcome
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(limits, self._loop.time)

    @property
    def deadline_s(self) -> float:
        return self._patience.deadline_s

    @property
    def used_s(self) -> float:
        return self._patience.used_s

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._flow = FlowControl(self._transport)
        try:
            self._connections.admit(self)
        except NotDone as error:
            self._send_error(error)
            self._close()

    def data_received(self, data: bytes) -> None:
        if self._finished:
            return
        self._parser.receive(data)
        if self._answering or self._flow.write_blocked:
            self._update_flow()
        else:
            self._advance()

    def eof_received(self) -> bool:
        self._client.leave()
        self._finished = self._finished or not (self._answering or self._flow.write_blocked)
        return not self._finished

    def connection_lost(self, exc: Exception | None) -> None:
        self._finished = True
        self._connections.leave(self)
        self._client.leave()

    def pause_writing(self) -> None:
        self._flow.write_blocked = True
        self._update_flow()
        self._await_taking()

    def resume_writing(self) -> None:
        self._flow.write_blocked = False
        if not self._finished:
            self._advance()

    # What the sweep and the drain ask for.

    def expire(self) -> None:
        if self._finished or self._flow.write_blocked:
            if self._flow.client_takes():
                self._await_taking()
            else:
                self._transport.abort()
        elif self._parser.phase is Phase.IDLE:
            self._close()
        else:
            self._refuse(RequestTimeout("the request did not arrive in time"))

    def begin_drain(self) -> None:
        if self._answering or self._finished:
            return
        if self._parser.phase is Phase.IDLE:
            self._close()
        else:
            self._patience.hurry()

    def abort(self) -> None:
        self._transport.abort()

    # What the balance among processes asks for.

    @property
    def descriptor(self) -> int | None:
        """The client's socket, while another process could go on: nothing is read, nothing is to be sent."""
        untouched = self._parser.phase is Phase.IDLE and not self._transport.get_write_buffer_size()
        if self._finished or self._answering or not untouched:
            return None
        descriptor: int = self._transport.get_extra_info("socket").fileno()
        return descriptor

    def after_answer(self, then: Callable[[Connection], None]) -> None:
        """Call `then` with the next answer that is out before anything of another request has come."""
        self._after_answer = then

    def let_go(self) -> None:
        """Another process goes on with the client, from its next request: end without a word."""
        self._finished = True
        self._connections.leave(self)
        self._transport.abort()

    # Receiving.

    def _advance(self) -> None:
        """Begin to answer the next request, or wait for the rest of it."""
        try:
            event = self._parser.next_event()
        except ProtocolError as error:
            self._refuse(error)
            return
        if isinstance(event, ParsedRequest):
            self._begin_answer(event)
        else:
            if event is CONTINUE:
                self._transport.write(CONTINUE_LINE)
            self._await_bytes(self._parser.phase)
        self._update_flow()

    def _await_bytes(self, phase: Phase) -> None:
        if self._client.gone:
            self._close()
        else:
            self._patience.await_bytes(phase)

    # Answering.

    def _begin_answer(self, request: ParsedRequest) -> None:
        if self._connections.draining:
            self._respond(request, error_response(ShuttingDown("the server is shutting down")))
            return
        self._answering = True
        self._patience.await_handler()
        self._pursue(request, self._dispatcher.begin(request, self._client))

    def _pursue(self, request: ParsedRequest, answer: Answer) -> None:
        """Respond when there is something to respond with; not at once, or pipelined requests would nest."""
        if isinstance(answer, Later):
            self._connections.watch(answer.awaited, partial(self._finish, request, answer))
        elif isinstance(answer, Response):
            self._loop.call_soon(self._give, request, answer)
        else:
            self._connections.run(self._answer(request, answer))

    def _finish(self, request: ParsedRequest, later: Later, awaited: Awaited) -> None:
        self._connections.end(awaited)
        try:
            answer = later.finish()
        except asyncio.CancelledError:  # a forced stop
            self._transport.abort()
            return
        except Exception as error:  # noqa: BLE001 - the outermost edge of a request
            answer = failure(request, error)
        if isinstance(answer, Response):
            self._give(request, answer)
        else:
            self._pursue(request, answer)

    async def _answer(self, request: ParsedRequest, handler: Coroutine[Any, Any, Response]) -> None:
        try:
            response = await self._dispatcher.answer(request, handler)
        except BaseException:  # a forced stop
            self._transport.abort()
            raise
        self._give(request, response)

    def _give(self, request: ParsedRequest, response: Response) -> None:
        if self._client.gone:
            self._connections.count_abandoned()
        try:
            self._respond(request, response)
        except Exception as error:  # noqa: BLE001 - such as a response that cannot be rendered
            _log.error("answer_failed", exc_info=error)
            self._transport.abort()

    def _respond(self, request: ParsedRequest, response: Response) -> None:
        if self._finished:
            return
        head = request.head
        keep_alive = head.keep_alive and not self._connections.draining
        self._transport.write(
            render(response, method=head.method, keep_alive=keep_alive, http_1_0=head.http_1_0)
        )
        self._answering = False
        if not keep_alive:
            self._linger() if self._parser.buffered_bytes else self._close()
        elif self._flow.write_blocked:
            return
        elif self._parser.buffered_bytes:
            self._advance()
        else:
            self._await_bytes(Phase.IDLE)
            if self._after_answer is not None:
                then, self._after_answer = self._after_answer, None
                then(self)

    # Ending.

    def _refuse(self, error: ProtocolError) -> None:
        self._send_error(error)
        self._linger()

    def _send_error(self, error: QueenError) -> None:
        response = error_response(error)
        self._transport.write(render(response, method="", keep_alive=False, http_1_0=False))

    def _linger(self) -> None:
        """Say that nothing more is coming, and let the client read that before the end."""
        self._finished = True
        self._await_taking()
        self._transport.write_eof()
        self._update_flow()

    def _close(self) -> None:
        self._finished = True
        self._await_taking()
        self._transport.close()

    def _await_taking(self) -> None:
        self._flow.client_takes()
        self._patience.await_taking(self._transport.get_write_buffer_size())

    def _update_flow(self) -> None:
        pending = self._parser.buffered_bytes
        if pending or self._flow.write_blocked or not self._flow.reading:
            self._flow.update(busy=self._answering, pending_bytes=pending)
