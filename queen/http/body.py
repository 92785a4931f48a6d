"""Bodies: by length (RFC 9112 §6.2) and chunked (§7.1); bytes in, content out.

Both take what is there and say where they stopped. Chunk sizes are one to sixteen hexadecimal digits
and nothing else. Chunk extensions are read over, trailer fields are checked and dropped (§7.1.1, §7.1.2
allow both); a line of the framing is at most `_MAX_LINE_BYTES`, all trailer fields together at most the
limit of a header section.
"""

import enum
import re

from queen.http.errors import BodyTooLarge, HeadersTooLarge, ProtocolError
from queen.http.head import is_field_line
from queen.http.limits import Limits

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_MAX_LINE_BYTES = 1024


class LengthBody:
    """Collects a body whose length is known."""

    __slots__ = ("_missing", "_parts")

    def __init__(self, length: int) -> None:
        self._missing = length
        self._parts: list[bytes] = []

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return self._missing == 0

    def content(self) -> bytes:
        """The content so far."""
        return b"".join(self._parts)

    def read(self, buffer: bytes, at: int) -> int:
        """Take what can be taken of `buffer` from `at` on; returns the position of the first byte left."""
        part = buffer[at : at + self._missing]
        self._parts.append(part)
        self._missing -= len(part)
        return at + len(part)


class _Expect(enum.Enum):
    SIZE = enum.auto()
    CONTENT = enum.auto()
    END_OF_CHUNK = enum.auto()
    TRAILER = enum.auto()
    NOTHING = enum.auto()


class ChunkedBody:
    """Collects the content of one chunked body."""

    __slots__ = ("_content", "_expect", "_limits", "_missing", "_trailer_bytes")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._expect = _Expect.SIZE
        self._missing = 0  # bytes of the present chunk
        self._content = bytearray()
        self._trailer_bytes = 0

    @property
    def complete(self) -> bool:
        """Whether the last chunk and its trailers have been read."""
        return self._expect is _Expect.NOTHING

    def content(self) -> bytes:
        """The content so far."""
        return bytes(self._content)

    def read(self, buffer: bytes, at: int) -> int:
        """Take what can be taken of `buffer` from `at` on; returns the position of the first byte left.

        Raises `ProtocolError` for broken framing, `BodyTooLarge` as soon as a chunk is announced that
        would go over the limit, `HeadersTooLarge` for long trailers.
        """
        while self._expect is not _Expect.NOTHING:
            if self._expect is _Expect.CONTENT:
                taken = buffer[at : at + self._missing]
                self._content += taken
                at += len(taken)
                self._missing -= len(taken)
                if self._missing:
                    return at
                self._expect = _Expect.END_OF_CHUNK
            line_end = buffer.find(b"\r\n", at, at + _MAX_LINE_BYTES + 2)
            if line_end < 0:
                self._check_partial_line(buffer, at)
                return at
            self._line(buffer[at:line_end])
            at = line_end + 2
        return at

    def _check_partial_line(self, buffer: bytes, at: int) -> None:
        if buffer.find(b"\n", at, at + _MAX_LINE_BYTES + 2) >= 0:
            raise ProtocolError("a bare LF in the framing of a chunk")
        if len(buffer) - at >= _MAX_LINE_BYTES + 2:
            raise ProtocolError("a line of a chunked body is too long")
        if self._expect is _Expect.END_OF_CHUNK and buffer[at : at + 1] not in (b"", b"\r"):
            raise ProtocolError("a chunk is longer than its size says")

    def _line(self, line: bytes) -> None:
        if self._expect is _Expect.SIZE:
            self._size(line)
        elif self._expect is _Expect.END_OF_CHUNK:
            if line:
                raise ProtocolError("a chunk is longer than its size says")
            self._expect = _Expect.SIZE
        else:
            self._trailer(line)

    def _size(self, line: bytes) -> None:
        found = _SIZE_LINE.fullmatch(line)
        if found is None:
            raise ProtocolError("malformed chunk size")
        self._missing = int(found[1], 16)
        if len(self._content) + self._missing > self._limits.body_bytes:
            raise BodyTooLarge(f"the body is over {self._limits.body_bytes} bytes")
        self._expect = _Expect.CONTENT if self._missing else _Expect.TRAILER

    def _trailer(self, line: bytes) -> None:
        if not line:
            self._expect = _Expect.NOTHING
            return
        self._trailer_bytes += len(line) + 2
        if self._trailer_bytes > self._limits.header_bytes:
            raise HeadersTooLarge(f"trailer fields over {self._limits.header_bytes} bytes")
        if not is_field_line(line + b"\r\n"):
            raise ProtocolError("malformed trailer field")
