"""A scripted HTTP server on a thread of its own: each request is answered by a function of the test."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Script = Callable[["SeenRequest"], bytes | None]
"""Gives the bytes of the whole response; None: close the connection without an answer."""


@dataclass(frozen=True)
class SeenRequest:
    """One request as it arrived, and its number on the server, from 0."""

    number: int
    method: str
    target: str
    body: bytes
    authorization: str = ""


class FakeServer(socketserver.ThreadingTCPServer):
    """Listens on a free port of 127.0.0.1; `seen` holds every request so far."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, script: Script, *, one_each: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.seen: list[SeenRequest] = []
        self.connections = 0
        self.closed = threading.Semaphore(0)  # released once for each connection that we closed
        self.one_each = one_each
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        self.closed.release()


class _Handler(socketserver.StreamRequestHandler):
    server: FakeServer

    def handle(self) -> None:
        with self.server.lock:
            self.server.connections += 1
        while (request := self._read_request()) is not None:
            response = self.server.script(request)
            if response is None:
                return
            self.wfile.write(response)
            if self.server.one_each:
                return

    def _read_request(self) -> SeenRequest | None:
        try:
            line = self.rfile.readline()
            length, authorization = 0, ""
            while (header := self.rfile.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                elif name.lower() == b"authorization":
                    authorization = value.strip().decode()
            body = self.rfile.read(length)
        except (TimeoutError, ConnectionError):
            return None
        if not line:
            return None
        method, target, _ = line.decode().split(" ", 2)
        with self.server.lock:
            request = SeenRequest(len(self.server.seen), method, target, body, authorization)
            self.server.seen.append(request)
        return request


@contextmanager
def fake_server(script: Script, *, one_each: bool = False) -> Iterator[FakeServer]:
    """A server that answers by the script, for as long as the block.

    `one_each`: it closes each connection after one answer, without saying so in the answer.
    """
    with FakeServer(script, one_each=one_each) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def response(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A response with Content-Length."""
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
