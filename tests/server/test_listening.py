"""Sockets are bound before they listen; what cannot be had is one line."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from queen.errors import UserError
from queen.server.listening import bind, url_of
from tests.conftest import skip_unless_ci


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_any_free_port() -> None:
    (listener,) = bind("127.0.0.1", 0)
    with closing(listener):
        port = listener.getsockname()[1]
        assert url_of([listener]) == f"http://127.0.0.1:{port}"
        with pytest.raises(ConnectionRefusedError):  # bound, not yet listening
            socket.create_connection(("127.0.0.1", port))


def test_every_address_of_a_name_has_the_same_port() -> None:
    listeners = bind("localhost", 0)
    ports = {listener.getsockname()[1] for listener in listeners}
    for listener in listeners:
        listener.close()
    assert len(ports) == 1


def test_ipv6_is_written_in_brackets() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        skip_unless_ci(f"this machine has no IPv6 address ::1: {error}")
    (listener,) = bind("::1", 0)
    with closing(listener):
        assert url_of([listener]).startswith("http://[::1]:")


def test_a_taken_port(taken: int) -> None:
    with pytest.raises(UserError, match=f"^PORT={taken}: address already in use on 127.0.0.1; "):
        bind("127.0.0.1", taken)


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(UserError, match=r"^HOST=192\.0\.2\.1 PORT=0: "):
        bind("192.0.2.1", 0)


def test_an_unknown_name() -> None:
    with pytest.raises(UserError, match=r"^HOST=no\.such\.host\.invalid: "):
        bind("no.such.host.invalid", 0)
