"""The parser against its own rules, against every split of its input, and against two other parsers."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import h11
import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queen.http.limits import Limits
from queen.http.parser import CONTINUE, ParsedRequest, Phase, RequestParser
from tests.http.hostile import CHUNKED, GET, LIMITS, POST, REFUSED
from tests.http.wire import one_by_one, parse

TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
FRAMING = {"host", "content-length", "transfer-encoding", "connection", "expect", "content-encoding"}
SINGLE = {"content-type", "upgrade", "proxy-connection", "te", "trailer", "keep-alive"}

names = st.text(TOKEN_CHARACTERS, min_size=1, max_size=12).filter(
    lambda name: name.lower() not in FRAMING | SINGLE
)
values = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20
)
targets = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=20
).map("/".__add__)
bodies = st.one_of(st.none(), st.binary(max_size=60))


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One valid request: without a body, with a length, or chunked with extensions and trailers."""
    method = draw(st.sampled_from(["GET", "POST", "DELETE", "PUT", "OPTIONS"]))
    head = f"{method} {draw(targets)} HTTP/1.1\r\nHost: example.org:80\r\n"
    for name, value in draw(st.lists(st.tuples(names, values), max_size=4)):
        before, after = draw(st.sampled_from(["", " ", " \t"])), draw(st.sampled_from(["", " ", "\t"]))
        head += f"{name}:{before}{value}{after}\r\n"
    body = draw(bodies)
    if body is None:
        return f"{head}\r\n".encode("latin-1")
    if draw(st.booleans()):
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode("latin-1")
    while body:
        size = draw(st.integers(1, len(body)))
        extension = draw(st.sampled_from([b"", b";a=b"]))
        chunked += b"%x%b\r\n%b\r\n" % (size, extension, body[:size])
        body = body[size:]
    return chunked + b"0\r\n" + draw(st.sampled_from([b"", b"Checksum: 1\r\n"])) + b"\r\n"


streams = st.lists(requests(), min_size=1, max_size=4).map(b"".join)


@st.composite
def splits(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """The stream, cut anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def h11_requests(stream: bytes) -> Iterator[tuple[bytes, bytes, dict[str, str], bytes]]:
    """What h11 makes of a stream: method, target, fields, body of each request."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(stream)
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            return
        assert isinstance(event, h11.Request)
        body = b""
        while isinstance(part := connection.next_event(), h11.Data):
            body += part.data
        if not isinstance(part, h11.EndOfMessage):
            return
        fields: dict[str, str] = {}
        for raw_name, raw_value in event.headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        yield event.method, event.target, fields, body
        connection.send(h11.Response(status_code=204, headers=[]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


def comparable(request: ParsedRequest) -> tuple[bytes, bytes, dict[str, str], bytes]:
    head = request.head
    return head.method.encode(), head.target.encode(), dict(head.headers), request.body


class HttptoolsRecorder:
    """Collects (target, body) of every message that httptools completes."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes]] = []
        self._target = self._body = b""

    def on_message_begin(self) -> None:
        self._target = self._body = b""

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.messages.append((self._target, self._body))


@given(st.data())
def test_any_split_of_a_stream_gives_the_same_requests(data: Any) -> None:
    stream = data.draw(streams)
    whole, refusal = parse([stream], Limits())
    assert refusal is None
    assert len(whole) > 0
    assert parse(data.draw(splits(stream)), Limits()) == (whole, None)


@given(requests())
def test_one_byte_at_a_time_gives_the_same_request(stream: bytes) -> None:
    assert parse(one_by_one(stream), Limits()) == parse([stream], Limits())


@given(streams)
def test_valid_requests_read_as_h11_reads_them(stream: bytes) -> None:
    ours, _ = parse([stream], Limits())
    assert [comparable(request) for request in ours] == list(h11_requests(stream))


@given(streams)
def test_valid_bodies_read_as_httptools_reads_them(stream: bytes) -> None:
    recorder = HttptoolsRecorder()
    try:
        httptools.HttpRequestParser(recorder).feed_data(stream)
    except httptools.HttpParserInvalidURLError:
        return  # it takes fewer characters in a target than we do
    ours, _ = parse([stream], Limits())
    assert [(request.head.target.encode(), request.body) for request in ours] == recorder.messages


@given(requests(), st.data())
def test_no_damaged_request_is_read_otherwise_than_h11_reads_it(stream: bytes, data: Any) -> None:
    """One byte lost, changed or added: we refuse, wait, or agree with h11; never a reading of our own."""
    at = data.draw(st.integers(0, len(stream) - 1))
    replacement = data.draw(
        st.sampled_from([b"", b"\r", b"\n", b" ", b"\t", b":", b",", b"0", b"\x00", b"x"])
    )
    damaged = stream[:at] + replacement + stream[at + data.draw(st.integers(0, 1)) :]
    ours, _ = parse([damaged], Limits())
    try:
        theirs = list(islice(h11_requests(damaged), len(ours)))
    except h11.RemoteProtocolError as error:
        pytest.fail(f"h11 refuses what we take: {error}: {damaged!r}")
    assert [comparable(request) for request in ours] == theirs


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    status, stream = REFUSED[name]
    assert parse([stream], LIMITS) == ([], status)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_alike_when_it_comes_byte_by_byte(name: str) -> None:
    status, stream = REFUSED[name]
    assert parse(one_by_one(stream), LIMITS) == ([], status)


@pytest.mark.parametrize("name", REFUSED)
def test_what_came_before_a_broken_request_is_still_read(name: str) -> None:
    status, stream = REFUSED[name]
    requests_before, refusal = parse([GET + b"\r\n" + stream], LIMITS)
    assert (len(requests_before), refusal) == (1, status)


@pytest.mark.parametrize(
    ("stream", "body"),
    [
        (POST + b"Content-Length: 50\r\n\r\n" + b"x" * 50, b"x" * 50),
        (POST + b"Content-Length: 003\r\n\r\nabc", b"abc"),
        (POST + b"Content-Length: 3 \t\r\n\r\nabc", b"abc"),
        (POST + b"\r\n", b""),
        (CHUNKED + b'3;name="value"\r\nabc\r\n000\r\nTrailer: x\r\n\r\n', b"abc"),
        (CHUNKED + b"A\r\n0123456789\r\n" * 5 + b"0\r\n\r\n", b"0123456789" * 5),
        (POST + b"Content-Encoding: Identity\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (POST + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", b""),
        (b"\r\n" + POST + b"\r\n", b""),
    ],
)
def test_taken_up_to_the_limits(stream: bytes, body: bytes) -> None:
    found, refusal = parse([stream], LIMITS)
    assert ([request.body for request in found], refusal) == ([body], None)


def test_limits_are_inclusive() -> None:
    line = b"GET /" + b"a" * (LIMITS.request_line_bytes - 14) + b" HTTP/1.1\r\n"
    assert len(line) == LIMITS.request_line_bytes + 2
    section = b"Host: a\r\nX: " + b"y" * (LIMITS.header_bytes - 14) + b"\r\n"
    assert len(section) == LIMITS.header_bytes
    for pieces in ([line + section + b"\r\n"], one_by_one(line + section + b"\r\n")):
        assert [request.head.method for request in parse(pieces, LIMITS)[0]] == ["GET"]


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", False),
    ],
)
def test_keep_alive_as_the_version_says(head: bytes, keep_alive: bool) -> None:
    ((request,), _) = parse([head], LIMITS)
    assert request.head.keep_alive is keep_alive


def test_repeated_fields_are_joined_and_names_are_lower_case() -> None:
    ((request,), _) = parse([GET + b"X-Tag: a \r\nx-tag:\tb\r\n\r\n"], LIMITS)
    assert request.head.headers == {"host": "a", "x-tag": "a, b"}


def test_raw_utf8_in_the_target_is_taken() -> None:
    ((request,), _) = parse(["GET /queue/grün-🐝 HTTP/1.1\r\nHost: a\r\n\r\n".encode()], LIMITS)
    assert request.head.target == "/queue/grün-🐝"


@pytest.mark.parametrize(
    "host", [b"", b"a", b"a:80", b"127.0.0.1:6632", b"[::1]:6632", b"xn--bcher-kva.example"]
)
def test_hosts_that_are_hosts(host: bytes) -> None:
    assert len(parse([b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"], LIMITS)[0]) == 1


def test_continue_is_asked_for_once_and_only_while_no_body_came() -> None:
    head = POST + b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n"
    parser = RequestParser(LIMITS)
    parser.receive(head)
    assert parser.next_event() is CONTINUE
    assert parser.next_event() is None
    parser.receive(b"ab")
    assert parser.next_event() is None
    parser.receive(b"c")
    assert isinstance(parser.next_event(), ParsedRequest)
    parser.receive(head + b"a")
    assert parser.next_event() is None


def test_http_1_0_knows_no_expectation() -> None:
    parser = RequestParser(LIMITS)
    parser.receive(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert parser.next_event() is None


def test_phases() -> None:
    parser = RequestParser(LIMITS)
    assert parser.phase is Phase.IDLE
    for piece, phase in ((POST, Phase.HEAD), (b"Content-Length: 1\r\n\r\n", Phase.BODY), (b"x", Phase.IDLE)):
        parser.receive(piece)
        parser.next_event()
        assert parser.phase is phase


def test_a_pipelined_request_waits_unparsed() -> None:
    parser = RequestParser(LIMITS)
    parser.receive(GET + b"\r\n" + GET + b"\r\n")
    assert isinstance(parser.next_event(), ParsedRequest)
    assert parser.buffered_bytes == len(GET) + 2
