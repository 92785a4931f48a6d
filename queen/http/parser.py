"""Requests out of bytes, without I/O: `receive` bytes, then ask for the `next_event`.

The caller pulls: a pipelined request is not parsed, and costs nothing but its bytes, before the one
ahead of it has been answered. Requests come out whole and in order, however the bytes were split.
Rules beside those of `head` and `body`:
  RFC 9112 §2.2    one empty line before a request line is read over
  RFC 9112 §6.3    without Content-Length and Transfer-Encoding there is no body, whatever the method
  RFC 9112 §9.3.2  pipelining
  RFC 9110 §10.1.1 `Continue` asks for the body unless some of it has already come
A fault in the request line is reported as soon as the line is whole, a bare LF as soon as it is seen;
after any error the parser is of no further use.
"""

import enum
import re
from typing import Final

import msgspec

from queen.http.body import ChunkedBody, LengthBody
from queen.http.errors import HeadersTooLarge, ProtocolError, RequestLineTooLong
from queen.http.head import Head, parse_head, parse_request_line
from queen.http.limits import Limits

_BARE_LF = re.compile(rb"(?<!\r)\n")


class ParsedRequest(msgspec.Struct, frozen=True):
    """One whole request, not yet routed."""

    head: Head
    body: bytes


class Continue(enum.Enum):
    """The client waits for `100 Continue` before it sends the body."""

    CONTINUE = enum.auto()


CONTINUE: Final = Continue.CONTINUE


class Phase(enum.Enum):
    """What the parser is in the middle of."""

    IDLE = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()


class RequestParser:
    """The requests of one connection, one after the other."""

    __slots__ = (
        "_at",
        "_body",
        "_buffer",
        "_continue_due",
        "_head",
        "_limits",
        "_scanned",
        "_skipped_empty_line",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = b""
        self._at = 0  # everything before it has been consumed
        self._head: Head | None = None  # once known, the body is being read
        self._body: LengthBody | ChunkedBody | None = None  # a body that did not come at once
        self._scanned = 0  # bytes of an incomplete section that hold no bare LF
        self._skipped_empty_line = False
        self._continue_due = False

    @property
    def buffered_bytes(self) -> int:
        """Bytes that were received and not yet consumed."""
        return len(self._buffer) - self._at

    @property
    def phase(self) -> Phase:
        """What the parser is in the middle of."""
        if self._head is not None:
            return Phase.BODY
        return Phase.HEAD if self.buffered_bytes else Phase.IDLE

    def receive(self, data: bytes) -> None:
        """Add bytes that came from the client."""
        self._buffer = self._buffer[self._at :] + data
        self._at = 0

    def next_event(self) -> ParsedRequest | Continue | None:
        """The next whole request, `CONTINUE`, or None when more bytes are needed.

        Raises `ProtocolError` or a subclass when the bytes cannot be a request that is served here.
        """
        head = self._head or self._read_head()
        if head is None:
            return None
        end = self._at + head.content_length
        if self._body is None and not head.chunked and end <= len(self._buffer):
            content = self._buffer[self._at : end]
            self._at = end
        else:
            body = self._read_body(head)
            if not body.complete:
                due, self._continue_due = self._continue_due, False
                return CONTINUE if due else None
            content = body.content()
        self._head = self._body = None
        self._scanned = 0
        self._skipped_empty_line = self._continue_due = False
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0
        return ParsedRequest(head, content)

    def _read_head(self) -> Head | None:
        """The field lines end with an empty line, whose CRLF may be that of the request line."""
        buffer, at, limits = self._buffer, self._at, self._limits
        line_end = buffer.find(b"\r\n", at, at + limits.request_line_bytes + 2)
        if line_end == at and not self._skipped_empty_line:
            self._at += 2
            self._skipped_empty_line = True
            return self._read_head()
        if line_end < 0:
            self._check_partial_line()
            return None
        end = buffer.find(b"\r\n\r\n", line_end, line_end + 2 + limits.header_bytes + 2)
        if end < 0:
            parse_request_line(buffer[at:line_end])
            self._check_partial_section(line_end + 2)
            return None
        self._head = head = parse_head(buffer[at : end + 2], limits)
        self._at = end + 4
        self._continue_due = head.expects_continue and self._at == len(buffer)
        return head

    def _check_partial_line(self) -> None:
        longest = self._limits.request_line_bytes
        if self._buffer.find(b"\n", self._at, self._at + longest + 2) >= 0:
            raise ProtocolError("a line must end with CRLF")
        if self.buffered_bytes >= longest + 2:
            raise RequestLineTooLong(f"the request line is over {longest} bytes")

    def _check_partial_section(self, start: int) -> None:
        longest = self._limits.header_bytes
        if _BARE_LF.search(self._buffer, start + self._scanned, start + longest + 2):
            raise ProtocolError("a line must end with CRLF")
        self._scanned = max(0, len(self._buffer) - start)
        if self._scanned >= longest + 2:
            raise HeadersTooLarge(f"the header fields are over {longest} bytes")

    def _read_body(self, head: Head) -> LengthBody | ChunkedBody:
        """Take what is there of a body that did not come at once."""
        if self._body is None:
            self._body = ChunkedBody(self._limits) if head.chunked else LengthBody(head.content_length)
        self._at = self._body.read(self._buffer, self._at)
        return self._body
