"""A raw keep-alive HTTP connection for gevent: one request at a time, no more work than is measured.

Two failures are told apart, because only one of them leaves doubt about a message: `NotSent` (no
connection, or not one byte written: nothing arrived) and `NoAnswer` (bytes were written and no answer
came). Service time starts at the socket write.

Two things make it fast: it waits for readability at once instead of trying a read that must fail first
(what gevent's sockets do), and one `Watchdog` ends overdue requests of all connections instead of a
timer for each request.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent.hub import get_hub
from gevent.monkey import get_original
from gevent.socket import create_connection
from msgspec import Struct

from loadtests.load.wire.credentials import read_token
from loadtests.load.wire.framing import FramingError, Reply, ResponseReader

READ_BYTES = 64 * 1024  # below malloc's mmap threshold
IDLE_CHECK_S = 1.0  # a connection that was idle for longer may have been closed by the server
READABLE, WRITABLE = 1, 2  # libev's flags

_plain_socket = get_original("socket", "socket")


class TransportError(Exception):
    """No answer to a request. `failed_at` is on the clock of `perf_counter`, in seconds."""

    def __init__(self, text: str, failed_at: float) -> None:
        super().__init__(text)
        self.failed_at = failed_at


class NotSent(TransportError):
    """Nothing reached the server: safe to send again."""


class NoAnswer(TransportError):
    """The request was written, wholly or in part, and no answer came: its outcome is unknown."""

    def __init__(self, text: str, sent_at: float, failed_at: float) -> None:
        super().__init__(text, failed_at)
        self.sent_at = sent_at


class Endpoint(Struct, frozen=True):
    """Where a server listens, and the bearer token that it asks for, if it does."""

    host: str
    port: int
    token: str = ""

    def __repr__(self) -> str:  # without the token
        return f"Endpoint({self.host!r}, {self.port})"

    @property
    def credentials(self) -> dict[str, str]:
        """The headers that prove who sends."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def request_head(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Request line and headers, credentials too, each line ended; no Content-Length, no empty line."""
        shown_host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [f"{method} {path} HTTP/1.1", f"Host: {shown_host}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in ({**(headers or {}), **self.credentials}).items()]
        return "\r\n".join(lines).encode() + b"\r\n"


def parse_endpoint(url: str, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """Endpoint of an `http://host[:port]` address, with the token of the environment, see `credentials`.

    Raises ValueError with one line.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{url!r}: expected http://host:port")
    return Endpoint(parts.hostname, parts.port or 80, read_token(environ))


class Answer(Struct, frozen=True):
    """A reply and when it happened, in seconds of `perf_counter`."""

    reply: Reply
    sent_at: float  # just before the socket write
    answered_at: float  # the last byte has been read


class Connection:
    """One keep-alive connection, opened at first use and again after it was lost."""

    def __init__(self, endpoint: Endpoint, watchdog: "Watchdog") -> None:
        self._endpoint = endpoint
        self._watchdog = watchdog
        self._reader = ResponseReader()
        self._socket: socket.socket | None = None
        self._readable: Any = None  # libev watchers of the socket
        self._writable: Any = None
        self._last_used = 0.0
        self._expired = False
        self.deadline = 0.0  # of the request under way, perf_counter; 0: none

    def exchange(self, request: bytes) -> Answer:
        """Send one request and wait for its answer. Raises `NotSent` or `NoAnswer`."""
        opened = self._socket or self._connect()
        if perf_counter() - self._last_used > IDLE_CHECK_S and _is_readable(opened):
            self.close()
            opened = self._connect()
        sent_at = perf_counter()
        self.deadline = sent_at + self._watchdog.timeout_s
        try:
            self._write(opened, request)
            reply = self._read(opened)
        except (OSError, FramingError) as error:
            text = "no answer in time" if self._expired else str(error)
            self.close()
            raise NoAnswer(text, sent_at, perf_counter()) from None
        except BaseException:  # the greenlet is being killed: the connection is between two messages
            self.close()
            raise
        self.deadline = 0.0
        self._last_used = answered_at = perf_counter()
        if not reply.keep_alive:
            self.close()
        return Answer(reply, sent_at, answered_at)

    def expire(self) -> None:
        """End the request under way: its `exchange` raises `NoAnswer`."""
        self._expired = True
        if self._socket is not None:
            with suppress(OSError):  # the peer was faster
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the waiting read

    def close(self) -> None:
        """Close the connection; the next `exchange` opens a new one."""
        self.deadline = 0.0
        if self._socket is None:
            return
        self._watchdog.forget(self)
        self._readable.close()
        self._writable.close()
        self._socket.close()
        self._socket = None
        self._reader = ResponseReader()

    def _connect(self) -> socket.socket:
        address = (self._endpoint.host, self._endpoint.port)
        try:
            opened = create_connection(address, timeout=self._watchdog.timeout_s)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise NotSent(f"connect: {error.strerror or error}", perf_counter()) from None
        plain: socket.socket = _plain_socket(fileno=opened.detach())
        plain.setblocking(False)
        loop = get_hub().loop
        self._readable = loop.io(plain.fileno(), READABLE)
        self._writable = loop.io(plain.fileno(), WRITABLE)
        self._socket = plain
        self._expired = False
        self._last_used = perf_counter()
        self._watchdog.watch(self)
        return plain

    def _write(self, opened: socket.socket, request: bytes) -> None:
        try:
            sent = opened.send(request)
        except BlockingIOError:
            sent = 0
        except OSError as error:  # not one byte of this request was taken
            self.close()
            raise NotSent(f"send: {error.strerror or error}", perf_counter()) from None
        while sent < len(request):
            get_hub().wait(self._writable)
            sent += opened.send(memoryview(request)[sent:])

    def _read(self, opened: socket.socket) -> Reply:
        wait, readable, feed = get_hub().wait, self._readable, self._reader.feed
        while True:
            wait(readable)
            received = opened.recv(READ_BYTES)
            reply = feed(received) if received else self._reader.feed_eof()
            if reply is not None:
                return reply
            if not received:
                raise ConnectionResetError("connection closed before the answer")


class Watchdog:
    """Ends requests that take longer than a client's patience; one for all connections of a run.

    `timeout_s` is the patience with one request and also with one connect. Looks every tenth of it, at
    most four times a second.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._watched: set[Connection] = set()
        self._greenlet: gevent.Greenlet | None = None

    def watch(self, connection: Connection) -> None:
        """Look after an open connection from now on."""
        self._watched.add(connection)
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def forget(self, connection: Connection) -> None:
        """The connection was closed."""
        self._watched.discard(connection)

    def stop(self) -> None:
        """Stop looking and close every connection that is still open."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        for connection in list(self._watched):
            connection.close()

    def _run(self) -> None:
        while True:
            gevent.sleep(min(self.timeout_s / 10, 0.25))
            now = perf_counter()
            for connection in list(self._watched):
                if 0.0 < connection.deadline < now:
                    connection.expire()


def _is_readable(opened: socket.socket) -> bool:
    """Whether an idle connection has something to read: only the server's close can be that."""
    try:
        opened.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
