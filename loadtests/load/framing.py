"""Where one HTTP/1.1 response ends: bytes in, a `Reply` out. No sockets in here.

RFC 9112 §6.3: 1xx, 204 and 304 have no body; chunked coding; Content-Length; else until the connection
closes. Our server always sends Content-Length; the rest is for servers that are not ours. Only answers
to GET and POST are read (an answer to HEAD would be framed differently).
"""

from msgspec import Struct

HEAD_END = b"\r\n\r\n"
MAX_HEAD_BYTES = 64 * 1024


class FramingError(Exception):
    """The bytes are not an HTTP/1.1 response; the connection cannot be used any more."""


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
        self._body_start = 0  # 0: the head is not complete yet
        self._length: int | None = None  # of the body; None: chunked or until close
        self._chunked = False
        self._status = 0
        self._retry_after_s: float | None = None
        self._keep_alive = True

    def feed(self, data: bytes) -> Reply | None:
        """Take more bytes; a `Reply` when the response is complete. Raises `FramingError`."""
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if not self._body_start and not self._read_head(buffer):
            return None
        if self._length is not None:
            end = self._body_start + self._length
            return self._finish(self._buffer[self._body_start : end]) if len(self._buffer) >= end else None
        if self._chunked:
            body = decode_chunks(self._buffer[self._body_start :])
            return None if body is None else self._finish(body)
        return None

    def feed_eof(self) -> Reply | None:
        """The peer has closed: the reply if its end is the end of the connection, else None."""
        if self._body_start and self._length is None and not self._chunked:
            self._keep_alive = False
            return self._finish(self._buffer[self._body_start :])
        return None

    def _read_head(self, buffer: bytes) -> bool:
        head_end = buffer.find(HEAD_END)
        if head_end < 0:
            if len(buffer) > MAX_HEAD_BYTES:
                raise FramingError(f"response head over {MAX_HEAD_BYTES} bytes")
            return False
        self._read_status(buffer)
        if 100 <= self._status < 200:  # interim: the real response follows
            self._buffer = rest = buffer[head_end + 4 :]
            return self._read_head(rest)
        self._body_start = head_end + 4
        self._read_headers(buffer[:head_end].lower())
        return True

    def _read_status(self, buffer: bytes) -> None:
        status = buffer[9:12]
        if not buffer.startswith(b"HTTP/1.") or not status.isdigit():
            raise FramingError(f"not an HTTP response: {buffer[:40]!r}")
        self._status = int(status)
        self._keep_alive = buffer[7:8] == b"1"

    def _read_headers(self, head: bytes) -> None:
        if b"\r\nconnection: close" in head:
            self._keep_alive = False
        self._retry_after_s = _seconds(_header(head, b"\r\nretry-after:"))
        if self._status in (204, 304):
            self._length = 0
            return
        self._chunked = _header(head, b"\r\ntransfer-encoding:").endswith(b"chunked")
        length = b"" if self._chunked else _header(head, b"\r\ncontent-length:")
        if length and not length.isdigit():
            raise FramingError(f"bad Content-Length: {length!r}")
        self._length = int(length) if length else None

    def _finish(self, body: bytes) -> Reply:
        reply = Reply(self._status, body, self._retry_after_s, self._keep_alive)
        self._buffer = b""
        self._body_start = 0
        self._length = None
        self._chunked = False
        return reply


def decode_chunks(data: bytes) -> bytes | None:
    """The body of a complete chunked message (RFC 9112 §7.1), or None while bytes are missing."""
    parts = []
    at = 0
    while (line_end := data.find(b"\r\n", at)) >= 0:
        size_text = data[at:line_end].split(b";", 1)[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError:
            raise FramingError(f"bad chunk size: {size_text!r}") from None
        at = line_end + 2
        if size == 0:  # trailers, then an empty line
            return b"".join(parts) if data[at : at + 2] == b"\r\n" or HEAD_END in data[at:] else None
        parts.append(data[at : at + size])
        at += size + 2
    return None


def _header(head: bytes, name: bytes) -> bytes:
    """Value of a header of the lower-cased head; `name` is given as `\\r\\nname:`; empty if absent."""
    start = head.find(name)
    if start < 0:
        return b""
    start += len(name)
    end = head.find(b"\r\n", start)
    return (head[start:end] if end >= 0 else head[start:]).strip()


def _seconds(value: bytes) -> float | None:
    return float(value) if value.isdigit() else None
