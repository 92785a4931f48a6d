from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.wire.framing import MAX_HEAD_BYTES, FramingError, Reply, ResponseReader

SIZED = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-LENGTH: 5\r\n\r\n[1,2]"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n[1,\r\n2\r\n2]\r\n0\r\nA: b\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\nRetry-After: 7\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED
RESPONSES = [
    (SIZED, Reply(201, b"[1,2]", None, True)),
    (CHUNKED, Reply(200, b"[1,2]", None, True)),
    (EMPTY, Reply(204, b"", 7.0, True)),
    (INTERIM, Reply(201, b"[1,2]", None, True)),
    (SIZED.replace(b"201", b"503"), Reply(503, b"[1,2]", None, True)),
    (SIZED.replace(b"HTTP/1.1", b"HTTP/1.0"), Reply(201, b"[1,2]", None, False)),
    (SIZED.replace(b"Content-Type: a", b"Connection: Close\r\nX: a"), Reply(201, b"[1,2]", None, False)),
]


@given(st.sampled_from(RESPONSES), st.data())
def test_a_response_split_anywhere_reads_the_same(case: tuple[bytes, Reply], data: Any) -> None:
    response, expected = case
    cuts = sorted(data.draw(st.lists(st.integers(1, len(response) - 1), max_size=6, unique=True)))
    pieces = [response[a:b] for a, b in zip([0, *cuts], [*cuts, len(response)], strict=True)]
    reader = ResponseReader()
    replies = [reader.feed(piece) for piece in pieces]
    assert replies == [None] * (len(pieces) - 1) + [expected]


def test_one_reader_reads_one_response_after_the_other() -> None:
    reader = ResponseReader()
    assert [reader.feed(response) for response, _ in RESPONSES] == [reply for _, reply in RESPONSES]


def test_without_a_length_the_body_ends_with_the_connection() -> None:
    reader = ResponseReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nall") is None
    assert reader.feed(b" of it") is None
    assert reader.feed_eof() == Reply(200, b"all of it", None, False)


@pytest.mark.parametrize("response", [SIZED, CHUNKED])
def test_a_connection_that_ends_within_a_delimited_body_gives_no_reply(response: bytes) -> None:
    reader = ResponseReader()
    assert reader.feed(response[:-1]) is None
    assert reader.feed_eof() is None


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-6\r\n",  # would lead back to itself
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD_BYTES,
    ],
)
def test_what_is_no_response_is_refused(garbage: bytes) -> None:
    with pytest.raises(FramingError):
        ResponseReader().feed(garbage)


def test_a_retry_after_that_is_a_date_counts_as_absent() -> None:
    reply = ResponseReader().feed(
        b"HTTP/1.1 503 X\r\nRetry-After: Wed, 25 Nov 2026 03:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
    )
    assert reply is not None
    assert reply.retry_after_s is None
