import socket
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest

from loadtests.load.producing.producer import RawSender
from loadtests.load.wire import transport
from loadtests.load.wire.credentials import TOKEN_FILE_VARIABLE
from loadtests.load.wire.transport import Connection, Endpoint, NoAnswer, NotSent, Watchdog, parse_endpoint
from tests.load.fake_server import FakeServer, SeenRequest, fake_server, response
from tests.load.waiting import until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog(timeout_s=10.0)
    yield watchdog
    watchdog.stop()


def connect(server: FakeServer, watchdog: Watchdog) -> Connection:
    return Connection(parse_endpoint(server.url), watchdog)


def numbered(request: SeenRequest) -> bytes:
    return response(200, str(request.number).encode())


def test_requests_share_one_connection_and_time_is_taken_around_each(watchdog: Watchdog) -> None:
    with fake_server(numbered) as server:
        connection = connect(server, watchdog)
        answers = [connection.exchange(GET) for _ in range(3)]
        connections = server.connections
    assert [answer.reply.body for answer in answers] == [b"0", b"1", b"2"]
    times = [time_s for answer in answers for time_s in (answer.sent_at, answer.answered_at)]
    assert times == sorted(times)
    assert connections == 1


def test_a_request_larger_than_the_socket_buffers_arrives_whole(watchdog: Watchdog) -> None:
    body = b"x" * 8_000_000
    with fake_server(numbered) as server:
        connect(server, watchdog).exchange(
            b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        assert server.seen[0].body == body


def test_nobody_listening_means_not_sent(watchdog: Watchdog) -> None:
    with socket.socket() as bound:  # bound, but not listening: nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        connection = Connection(Endpoint("127.0.0.1", bound.getsockname()[1]), watchdog)
        with pytest.raises(NotSent, match="refused"):
            connection.exchange(GET)


def test_the_time_that_a_connect_takes_stands_between_the_begin_of_a_push_and_its_write(
    watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting: list[float] = []

    def slow(*_: object, **__: object) -> None:
        connecting.append(perf_counter())
        until(lambda: perf_counter() >= connecting[0] + 0.1)
        connecting.append(perf_counter())
        raise TimeoutError("timed out")

    monkeypatch.setattr(transport, "create_connection", slow)
    attempt = RawSender(Endpoint("127.0.0.1", 1), watchdog).push(b"[]", 1)
    assert attempt.outcome.code == "not_sent"
    assert attempt.begun_at <= connecting[0] < connecting[1] <= attempt.sent_at


def test_a_connection_that_is_closed_without_answer_leaves_the_outcome_unknown(watchdog: Watchdog) -> None:
    with fake_server(lambda request: None if request.number == 0 else numbered(request)) as server:
        connection = connect(server, watchdog)
        with pytest.raises(NoAnswer) as failure:
            connection.exchange(GET)
        assert failure.value.sent_at <= failure.value.failed_at
        assert connection.exchange(GET).reply.body == b"1"
        assert server.connections == 2


def test_an_answer_that_is_no_http_leaves_the_outcome_unknown(watchdog: Watchdog) -> None:
    with fake_server(lambda _: b"what?\r\n\r\n") as server, pytest.raises(NoAnswer, match="not an HTTP"):
        connect(server, watchdog).exchange(GET)


def test_patience_ends_and_the_late_answer_is_never_taken_for_the_next_one() -> None:
    watchdog = Watchdog(timeout_s=0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = Connection(Endpoint("127.0.0.1", silent.getsockname()[1]), watchdog)
        with pytest.raises(NoAnswer, match="in time"):
            connection.exchange(GET)
        first, _ = silent.accept()
        with first:
            first.sendall(response(200, b"late"))
            with pytest.raises(NoAnswer, match="in time"):
                connection.exchange(GET)
    watchdog.stop()


def test_a_kept_connection_that_the_server_closed_is_replaced_before_sending(
    watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "IDLE_CHECK_S", -1.0)  # every connection counts as idle for long
    with fake_server(numbered, one_each=True) as server:
        connection = connect(server, watchdog)
        assert connection.exchange(GET).reply.body == b"0"
        assert server.closed.acquire(timeout=5)
        assert connection.exchange(GET).reply.body == b"1"


def test_connection_close_is_obeyed(watchdog: Watchdog) -> None:
    with fake_server(lambda request: response(200, b"", "Connection: close")) as server:
        connection = connect(server, watchdog)
        connection.exchange(GET)
        connection.exchange(GET)
        assert server.connections == 2


@pytest.mark.parametrize("url", ["https://x", "127.0.0.1:80", "", "http://", "http://x:port"])
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - urlsplit's own text for a bad port
        parse_endpoint(url)


def test_ipv6_and_default_port() -> None:
    assert parse_endpoint("http://[::1]:8080") == Endpoint("::1", 8080)
    assert b"Host: [::1]:8080" in Endpoint("::1", 8080).request_head("GET", "/")
    assert parse_endpoint("http://queue").port == 80


def test_the_token_goes_along_with_every_request_and_is_not_shown(tmp_path: Path, watchdog: Watchdog) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    endpoint = parse_endpoint("http://127.0.0.1:80", {TOKEN_FILE_VARIABLE: str(file)})
    assert b"\r\nAuthorization: Bearer s3cret\r\n" in endpoint.request_head("GET", "/")
    assert "s3cret" not in repr(endpoint)
    assert b"Authorization" not in parse_endpoint("http://127.0.0.1:80", {}).request_head("GET", "/")


@pytest.mark.parametrize("content", ["", "two words", "two\nlines", "z\u00fcrich", "\x00"])
def test_a_file_without_a_token_is_refused_in_one_line_that_does_not_tell_it(
    content: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=TOKEN_FILE_VARIABLE) as refusal:
        parse_endpoint("http://127.0.0.1:80", {TOKEN_FILE_VARIABLE: str(file)})
    assert not content or content not in str(refusal.value)


def test_a_token_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="/nowhere/token: No such file"):
        parse_endpoint("http://127.0.0.1:80", {TOKEN_FILE_VARIABLE: "/nowhere/token"})
