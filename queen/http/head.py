"""The grammar of a request head: request line and header section, strictly and in one place.

One strict grammar, instead of a lenient parser with checks around it, so that nothing can be read in
two ways (request smuggling is two readings of the same bytes). httptools was tried: it has no limits,
takes HTTP/0.9, HTTP/2.0, a missing or second Host and Transfer-Encoding in HTTP/1.0, and refuses what
must be answered here: unknown methods (405) and raw UTF-8 in the path. The tests keep it, and h11, as
oracles.

The rules, by section:
  RFC 9112 §2.2    lines end with CRLF; a bare LF or CR is refused
  RFC 9112 §3      one space between the parts of the request line, none around them
  RFC 9112 §3.2    HTTP/1.1 needs exactly one Host, HTTP/1.0 at most one; its characters are a host's
  RFC 9112 §5      no space before the colon, no line folding (obs-fold), names are tokens
  RFC 9112 §6.1    Transfer-Encoding is `chunked` alone, HTTP/1.1 only, never beside Content-Length
  RFC 9112 §6.3    one Content-Length, digits only; a second one is refused even when it is equal
  RFC 9112 §9.3    HTTP/1.1 stays open unless `close`, HTTP/1.0 closes unless `keep-alive`
  RFC 9110 §2.5    a higher minor version is read as 1.1, another major version is refused
  RFC 9110 §5.3    repeated fields are joined by ", " where a list is allowed
  RFC 9110 §8.4    Content-Encoding other than identity is refused
  RFC 9110 §10.1.1 Expect is 100-continue or refused; HTTP/1.0 has no Expect
One rule is looser than the RFC: the target may hold raw UTF-8, since the published clients put queue
names into the path as they are.
"""

import functools
import re
from collections.abc import Mapping

import msgspec

from queen.http.errors import (
    BodyTooLarge,
    ExpectationFailed,
    HeadersTooLarge,
    LengthRequired,
    ProtocolError,
    UnknownTransferCoding,
    UnsupportedEncoding,
    VersionNotSupported,
)
from queen.http.limits import Limits

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_REQUEST_LINE = re.compile(rf"({_TOKEN}) ([^\x00-\x20\x7f#]++) HTTP/([0-9])\.([0-9])")
# A match is one whole line: neither name nor value can hold CR or LF.
_FIELD_LINE = re.compile(rf"^({_TOKEN}):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*+)\r\n", re.MULTILINE)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]*)(?::[0-9]*)?")
_DIGITS = re.compile(r"[0-9]++")

_SINGLE = frozenset({"host", "content-length", "transfer-encoding", "content-type", "expect"})
_MAX_LENGTH_DIGITS = 18
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class Head(msgspec.Struct, frozen=True):
    """All that stands before the body, and what it says about framing."""

    method: str
    target: str
    headers: Mapping[str, str]  # names in lower case
    content_length: int  # 0 also when there is none
    chunked: bool
    expects_continue: bool
    keep_alive: bool  # the client wants the connection kept
    http_1_0: bool


class RequestLine(msgspec.Struct, frozen=True):
    """`POST /api/v1/push HTTP/1.1`."""

    method: str
    target: str
    http_1_0: bool


class FieldSection(msgspec.Struct, frozen=True):
    """The header section and what it says about framing, before the version is taken into account."""

    headers: Mapping[str, str]  # names in lower case
    content_length: int | None
    chunked: bool
    connection: frozenset[str]  # the options of Connection, in lower case
    expect_continue: bool


@functools.lru_cache(maxsize=512)
def parse_head(head: bytes, limits: Limits) -> Head:
    """Read request line and field lines, each with its CRLF. Raises the `ProtocolError` that fits.

    Clients send the same head again and again, or one that differs in its line alone, or in the length of
    the body: the last 512 are kept, and the last lines and sections by themselves, each within its limit
    of bytes (a hit costs a tenth of the parsing).
    """
    end_of_line = head.index(b"\r\n")
    line = parse_request_line(head[:end_of_line])
    section = _parse_field_section(head[end_of_line + 2 :], limits)
    _check_version_rules(line, section)
    return Head(
        method=line.method,
        target=line.target,
        headers=section.headers,
        content_length=section.content_length or 0,
        chunked=section.chunked,
        expects_continue=section.expect_continue and not line.http_1_0,
        keep_alive=_stays_open(line, section),
        http_1_0=line.http_1_0,
    )


@functools.lru_cache(maxsize=512)
def parse_request_line(line: bytes) -> RequestLine:
    """Read a request line without its CRLF. Raises `ProtocolError` or `VersionNotSupported`."""
    try:
        found = _REQUEST_LINE.fullmatch(line.decode())
    except UnicodeDecodeError:
        raise ProtocolError("the request target is not UTF-8") from None
    if found is None:
        raise ProtocolError("malformed request line: expected METHOD TARGET HTTP/1.1")
    method, target, major, minor = found.groups()
    if major != "1":
        raise VersionNotSupported(f"HTTP/{major}.{minor} is not supported: use HTTP/1.1")
    return RequestLine(method, target, minor == "0")


def is_field_line(line: bytes) -> bool:
    """Whether a line, with its CRLF, is a well-formed field line (for trailers)."""
    return _FIELD_LINE.fullmatch(line.decode("latin-1")) is not None


@functools.lru_cache(maxsize=512)
def _parse_field_section(section: bytes, limits: Limits) -> FieldSection:
    text = section.decode("latin-1")
    fields = _FIELD_LINE.findall(text)
    if len(fields) > limits.headers:
        raise HeadersTooLarge(f"more than {limits.headers} header fields")
    if len(fields) != text.count("\n"):
        raise ProtocolError(f"malformed header field in line {_first_malformed(text)}")
    headers = {name.lower(): value.rstrip(" \t") for name, value in fields}
    if len(headers) != len(fields):
        headers = _joined(fields)
    _check_host(headers.get("host"))
    _check_encoding(headers.get("content-encoding"))
    return FieldSection(
        headers,
        _content_length(headers, limits),
        _is_chunked(headers),
        _connection_options(headers.get("connection")),
        _expects_continue(headers.get("expect")),
    )


def _check_version_rules(line: RequestLine, section: FieldSection) -> None:
    if line.http_1_0:
        if section.chunked:
            raise ProtocolError("Transfer-Encoding is not part of HTTP/1.0")
        if section.content_length is None and line.method in _BODY_METHODS:
            raise LengthRequired(f"an HTTP/1.0 {line.method} needs a Content-Length")
    elif "host" not in section.headers:
        raise ProtocolError("an HTTP/1.1 request needs a Host header")


def _stays_open(line: RequestLine, section: FieldSection) -> bool:
    if not section.connection:
        return not line.http_1_0
    return "close" not in section.connection and (not line.http_1_0 or "keep-alive" in section.connection)


def _first_malformed(text: str) -> int:
    lines = text.splitlines(keepends=True)
    return next((number for number, line in enumerate(lines, 1) if not _FIELD_LINE.fullmatch(line)), 1)


def _joined(fields: list[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, padded in fields:
        key, value = name.lower(), padded.rstrip(" \t")
        if key in headers and key in _SINGLE:
            raise ProtocolError(f"more than one {name} header")
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _content_length(headers: Mapping[str, str], limits: Limits) -> int | None:
    text = headers.get("content-length")
    if text is None:
        return None
    if "transfer-encoding" in headers:
        raise ProtocolError("Content-Length together with Transfer-Encoding")
    if _DIGITS.fullmatch(text) is None:
        raise ProtocolError("Content-Length is not a number")
    if len(text) > _MAX_LENGTH_DIGITS or int(text) > limits.body_bytes:
        raise BodyTooLarge(f"the body is over {limits.body_bytes} bytes")
    return int(text)


def _check_host(host: str | None) -> None:
    if host and _HOST.fullmatch(host) is None:
        raise ProtocolError("malformed Host header")


def _check_encoding(encoding: str | None) -> None:
    if encoding is not None and encoding.lower() != "identity":
        raise UnsupportedEncoding("the body must not be compressed")


def _is_chunked(headers: Mapping[str, str]) -> bool:
    coding = headers.get("transfer-encoding")
    if coding is None:
        return False
    if coding.lower() == "chunked":
        return True
    if coding.lower().count("chunked") > 1 or not coding:
        raise ProtocolError("malformed Transfer-Encoding")
    raise UnknownTransferCoding("the only transfer coding is chunked")


def _connection_options(value: str | None) -> frozenset[str]:
    if value is None:
        return frozenset()
    return frozenset(option.strip(" \t").lower() for option in value.split(","))


def _expects_continue(value: str | None) -> bool:
    if value is None:
        return False
    if value.lower() != "100-continue":
        raise ExpectationFailed("the only expectation is 100-continue")
    return True
