"""Where one HTTP/1.1 response ends: bytes in, a `Reply` out. No sockets in here.

RFC 9112 §6.3: 1xx, 204 and 304 have no body; chunked coding; Content-Length; else until the connection
closes. Our server always sends Content-Length; the rest is for servers that are not ours. Only answers
to GET and POST are read (an answer to HEAD would be framed differently).
"""

import re

from msgspec import Struct

HEAD_END = b"\r\n\r\n"
MAX_HEAD_BYTES = 64 * 1024
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]+")


class FramingError(Exception):
    """The bytes are not an HTTP/1.1 response; the connection cannot be used any more."""


class Head(Struct, frozen=True):
    """What a response head says about the response."""

    status: int
    length: int | None  # of the body, bytes; None: chunked, or until the connection closes
    chunked: bool
    retry_after_s: float | None
    keep_alive: bool


class Reply(Struct, frozen=True):
    """One complete response."""

    status: int
    body: bytes
    retry_after_s: float | None  # None: header absent, or a date
    keep_alive: bool  # whether the connection may carry another request


class ResponseReader:
    """Collects the bytes of one response at a time; use it again for the next one."""

    def __init__(self) -> None:
        self._buffer = b""
        self._head: Head | None = None  # None: not complete yet
        self._body_start = 0
        self._last_head_bytes = b""  # answers to the same request mostly have the same head
        self._last_head: Head | None = None

    def feed(self, data: bytes) -> Reply | None:
        """Take more bytes; a `Reply` when the response is complete. Raises `FramingError`."""
        self._buffer = self._buffer + data if self._buffer else data
        head = self._head or self._read_head()
        if head is None:
            return None
        if head.length is not None:
            end = self._body_start + head.length
            return (
                self._finish(head, self._buffer[self._body_start : end]) if len(self._buffer) >= end else None
            )
        if head.chunked:
            body = decode_chunks(self._buffer[self._body_start :])
            return None if body is None else self._finish(head, body)
        return None

    def feed_eof(self) -> Reply | None:
        """The peer has closed: the reply if its end is the end of the connection, else None."""
        head = self._head
        if head is None or head.length is not None or head.chunked:
            return None
        return self._finish(head, self._buffer[self._body_start :])

    def _read_head(self) -> Head | None:
        """The head once it is whole; interim (1xx) responses before it are dropped."""
        while (head_end := self._buffer.find(HEAD_END)) >= 0:
            head_bytes = self._buffer[:head_end]
            if head_bytes != self._last_head_bytes or self._last_head is None:
                self._last_head_bytes, self._last_head = head_bytes, parse_head(head_bytes)
            if self._last_head.status >= 200:
                self._head, self._body_start = self._last_head, head_end + len(HEAD_END)
                return self._head
            self._buffer = self._buffer[head_end + len(HEAD_END) :]
        if len(self._buffer) > MAX_HEAD_BYTES:
            raise FramingError(f"response head over {MAX_HEAD_BYTES} bytes")
        return None

    def _finish(self, head: Head, body: bytes) -> Reply:
        self._buffer, self._head = b"", None
        return Reply(head.status, body, head.retry_after_s, head.keep_alive)


def parse_head(head_bytes: bytes) -> Head:
    """Parse a response head, given without the empty line. Raises `FramingError`."""
    head = head_bytes.lower()
    status = head[9:12]
    if not head.startswith(b"http/1.") or not status.isdigit():
        raise FramingError(f"not an HTTP response: {head_bytes[:40]!r}")
    chunked = _header(head, b"\r\ntransfer-encoding:").endswith(b"chunked")
    length = b"" if chunked else _header(head, b"\r\ncontent-length:")
    if length and not length.isdigit():
        raise FramingError(f"bad Content-Length: {length!r}")
    bodiless = status in (b"204", b"304")
    delimited = bodiless or chunked or bool(length)
    return Head(
        status=int(status),
        length=0 if bodiless else int(length) if length else None,
        chunked=chunked and not bodiless,
        retry_after_s=_seconds(_header(head, b"\r\nretry-after:")),
        keep_alive=delimited and head[7:8] == b"1" and _header(head, b"\r\nconnection:") != b"close",
    )


def decode_chunks(data: bytes) -> bytes | None:
    """The body of a complete chunked message (RFC 9112 §7.1), or None while bytes are missing.

    Raises `FramingError` for a size that is not hexadecimal digits (a sign would walk backwards).
    """
    parts: list[bytes] = []
    at = 0
    while (line_end := data.find(b"\r\n", at)) >= 0:
        size_text = data[at:line_end].split(b";", 1)[0].strip()
        if not CHUNK_SIZE.fullmatch(size_text):
            raise FramingError(f"bad chunk size: {size_text!r}")
        size = int(size_text, 16)
        at = line_end + 2
        if size == 0:  # trailers, then an empty line
            return b"".join(parts) if data[at : at + 2] == b"\r\n" or HEAD_END in data[at:] else None
        parts.append(data[at : at + size])
        at += size + 2
    return None


def _header(head: bytes, name: bytes) -> bytes:
    """A header's value, empty if absent; `name` comes with the line end before it and its colon."""
    start = head.find(name)
    if start < 0:
        return b""
    start += len(name)
    end = head.find(b"\r\n", start)
    return (head[start:end] if end >= 0 else head[start:]).strip()


def _seconds(value: bytes) -> float | None:
    return float(value) if value.isdigit() else None
