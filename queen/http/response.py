"""Responses as bytes (RFC 9112 §4, §6), each in one piece.

What is the same in every response of a kind and a second (status line, content type, CORS, connection, date)
is rendered once and kept.
"""

import functools
import time
from email.utils import formatdate
from http import HTTPStatus

import msgspec

from queen.errors import MethodNotAllowed, QueenError, Unauthorized
from queen.http.errors import UnsupportedEncoding
from queen.http.message import Response

CONTINUE_LINE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = frozenset({204, 304})  # RFC 9110 §15.3.5, §15.4.5


def render(response: Response, *, method: str, keep_alive: bool, http_1_0: bool) -> bytes:
    """The bytes of a response to a request of that method; HEAD gets the head alone.

    Raises ValueError for a header that would break the framing.
    """
    now_s = int(time.time())  # noqa: TID251 - a stamp, on the hot path
    head = _head(response.status, response.content_type, keep_alive, http_1_0, now_s)
    extra = b"".join(map(_header_line, response.headers)) if response.headers else b""
    if response.status in _BODILESS:
        return b"%b%b\r\n" % (head, extra)
    body = b"" if method == "HEAD" else response.body
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (head, extra, len(response.body), body)


def error_response(error: QueenError) -> Response:
    """What a client sees of an error: `{"error": text, "code": code}` and the headers that go with it."""
    body = msgspec.json.encode({"error": str(error), "code": error.code})
    return Response(status=error.status, body=body, headers=tuple(_error_headers(error)))


def _error_headers(error: QueenError) -> list[tuple[str, str]]:
    headers = []
    if error.retry_after_s is not None:
        headers.append(("Retry-After", str(error.retry_after_s)))
    if isinstance(error, MethodNotAllowed):
        headers.append(("Allow", ", ".join(error.allow)))
    if isinstance(error, Unauthorized):
        headers.append(("WWW-Authenticate", "Bearer"))
    if isinstance(error, UnsupportedEncoding):
        headers.append(("Accept-Encoding", "identity"))
    return headers


def _connection(keep_alive: bool, http_1_0: bool) -> str:
    if not keep_alive:
        return "close"
    return "keep-alive" if http_1_0 else ""


@functools.lru_cache(maxsize=256)
def _head(status: int, content_type: str, keep_alive: bool, http_1_0: bool, unix_s: int) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Access-Control-Allow-Origin: *",
        f"Date: {formatdate(unix_s, usegmt=True)}",
    ]
    if status not in _BODILESS:
        lines.append(f"Content-Type: {content_type}")
    connection = _connection(keep_alive, http_1_0)
    if connection:
        lines.append(f"Connection: {connection}")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def _header_line(header: tuple[str, str]) -> bytes:
    line = f"{header[0]}: {header[1]}"
    if "\r" in line or "\n" in line:
        raise ValueError(f"a line break in the header {header[0]!r}")
    return f"{line}\r\n".encode("latin-1")
