"""Responses as bytes, read back by h11."""

import h11
import pytest

from queen.errors import BadRequest, MethodNotAllowed, OutcomeUnknown, QueenError, Unauthorized
from queen.http.errors import UnsupportedEncoding
from queen.http.message import TEXT, Response
from queen.http.response import error_response, render


def read_back(raw: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
    """What a client makes of it, and that nothing is left over."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(raw)
    head, body = client.next_event(), b""
    assert isinstance(head, h11.Response)
    while isinstance(part := client.next_event(), h11.Data):
        body += part.data
    assert isinstance(part, h11.EndOfMessage)
    assert client.trailing_data == (b"", False)
    return head, body


def plainly(response: Response, method: str = "GET") -> bytes:
    return render(response, method=method, keep_alive=True, http_1_0=False)


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 100_000])
def test_body_and_length(body: bytes) -> None:
    head, content = read_back(plainly(Response(status=201, body=body)))
    headers = dict(head.headers)
    assert (head.status_code, head.reason, content) == (201, b"Created", body)
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"access-control-allow-origin"] == b"*"
    assert headers[b"date"].endswith(b" GMT")
    assert b"connection" not in headers


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(status: int) -> None:
    head, content = read_back(plainly(Response(status=status, body=b"ignored")))
    assert content == b""
    assert {b"content-length", b"content-type"}.isdisjoint(dict(head.headers))


def test_head_tells_the_length_and_sends_nothing() -> None:
    head, content = read_back(plainly(Response(body=b"abc"), "HEAD"), "HEAD")
    assert (dict(head.headers)[b"content-length"], content) == (b"3", b"")


@pytest.mark.parametrize(
    ("keep_alive", "http_1_0", "expected"),
    [(False, False, b"close"), (False, True, b"close"), (True, True, b"keep-alive")],
)
def test_connection(keep_alive: bool, http_1_0: bool, expected: bytes) -> None:
    raw = render(Response(), method="GET", keep_alive=keep_alive, http_1_0=http_1_0)
    assert dict(read_back(raw)[0].headers)[b"connection"] == expected


def test_further_headers() -> None:
    raw = plainly(Response(content_type=TEXT, headers=(("Allow", "GET"), ("X", "1"))))
    headers = dict(read_back(raw)[0].headers)
    assert (headers[b"allow"], headers[b"x"]) == (b"GET", b"1")
    assert headers[b"content-type"] == TEXT.encode()


@pytest.mark.parametrize("header", [("X", "a\r\nY: b"), ("X", "a\nb"), ("X\r", "a")])
def test_a_line_break_in_a_header_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="line break"):
        plainly(Response(headers=(header,)))


@pytest.mark.parametrize(
    ("error", "status", "body", "headers"),
    [
        (BadRequest('say "please"'), 400, b'{"error":"say \\"please\\"","code":"bad_request"}', {}),
        (OutcomeUnknown("?"), 503, b'{"error":"?","code":"outcome_unknown"}', {"Retry-After": "1"}),
        (
            MethodNotAllowed(("GET", "HEAD")),
            405,
            b'{"error":"method not allowed; allowed: GET, HEAD","code":"method_not_allowed"}',
            {"Allow": "GET, HEAD"},
        ),
        (
            Unauthorized("no"),
            401,
            b'{"error":"no","code":"unauthorized"}',
            {"WWW-Authenticate": "Bearer"},
        ),
        (
            UnsupportedEncoding("no"),
            415,
            b'{"error":"no","code":"unsupported_encoding"}',
            {"Accept-Encoding": "identity"},
        ),
    ],
)
def test_errors(error: QueenError, status: int, body: bytes, headers: dict[str, str]) -> None:
    response = error_response(error)
    assert (response.status, response.body, dict(response.headers)) == (status, body, headers)
