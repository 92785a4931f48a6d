"""Clients that are passed on: whole, with what they have sent, or not at all."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from queen.errors import UserError
from queen.server.handover import Handover
from queen.server.membership import Membership
from tests.server.descriptors import no_more_descriptors
from tests.waiting import until


class Receiver:
    """What came, None for what came without a descriptor."""

    def __init__(self) -> None:
        self.clients: list[socket.socket | None] = []

    def __call__(self, client: socket.socket | None) -> None:
        self.clients.append(client)

    def close(self) -> None:
        for client in self.clients:
            if client is not None:
                client.close()


@contextmanager
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as made:
        yield made


@contextmanager
def clients(number: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Connections, each with its client's and its server's end."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener, ExitStack() as stack:
        address = listener.getsockname()
        yield [
            (
                stack.enter_context(socket.create_connection(address)),
                stack.enter_context(listener.accept()[0]),
            )
            for _ in range(number)
        ]


def of(worker_id: int, directory: Path) -> Handover:
    return Handover(Membership(worker_id, 2, directory))


@contextmanager
def sending(directory: Path) -> Iterator[Handover]:
    sender = of(0, directory)
    with receiver() as nothing, sender.receiving(nothing):
        yield sender


async def test_a_client_goes_with_the_bytes_that_nobody_has_read(tmp_path: Path) -> None:
    with (
        receiver() as got,
        of(1, tmp_path).receiving(got),
        sending(tmp_path) as sender,
        clients(1) as [(client, server)],
    ):
        client.sendall(b"all of it")
        assert sender.send(1, server.fileno())
        server.close()
        await until(lambda: len(got.clients) == 1)
        (there,) = got.clients
        assert there is not None
        assert not os.get_inheritable(there.fileno())
        assert there.getpeername() == client.getsockname()
        assert there.recv(100) == b"all of it"
        there.sendall(b"answer")
        assert client.recv(100) == b"answer"


async def test_where_nobody_receives_it_stays(tmp_path: Path) -> None:
    with sending(tmp_path) as sender, receiver() as got, clients(1) as [(_, server)]:
        assert not sender.send(1, server.fileno())
        with of(1, tmp_path).receiving(got):
            pass
        assert not sender.send(1, server.fileno())
    assert not sender.send(1, server.fileno())
    assert list(tmp_path.iterdir()) == []


async def test_what_a_killed_worker_left_is_nobody_and_gives_way(tmp_path: Path) -> None:
    place = Membership(1, 2, tmp_path).place(1, "clients")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as dead:
        dead.bind(str(place))
    with sending(tmp_path) as sender, receiver() as got, clients(1) as [(_, server)]:
        assert not sender.send(1, server.fileno())
        with of(1, tmp_path).receiving(got):
            assert sender.send(1, server.fileno())
            await until(lambda: len(got.clients) == 1)


async def test_more_than_may_wait_stay_and_those_on_the_way_at_the_end_are_received(tmp_path: Path) -> None:
    with sending(tmp_path) as sender, receiver() as got, clients(20) as pairs:
        servers = [server for _, server in pairs]
        with of(1, tmp_path).receiving(got):
            sent = [server for server in servers if sender.send(1, server.fileno())]
            assert 0 < len(sent) < len(servers)  # nobody has read any yet
            await until(lambda: len(got.clients) == len(sent))
            assert sender.send(1, servers[-1].fileno())
            assert len(got.clients) == len(sent)
        assert len(got.clients) == len(sent) + 1


async def test_from_its_end_on_it_is_sent_nothing_although_its_socket_is_still_there(tmp_path: Path) -> None:
    """What comes then would be lost."""
    sent: list[bool] = []

    def send_one_more(client: socket.socket | None) -> None:
        got(client)
        if not sent:
            sent.append(sender.send(1, servers[1].fileno()))

    with sending(tmp_path) as sender, receiver() as got, clients(2) as pairs:
        servers = [server for _, server in pairs]
        with of(1, tmp_path).receiving(send_one_more):
            assert sender.send(1, servers[0].fileno())
        assert (len(got.clients), sent) == (1, [False])


async def test_one_whose_descriptor_cannot_be_had_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        receiver() as got,
        of(1, tmp_path).receiving(got),
        sending(tmp_path) as sender,
        clients(1) as [(_, server)],
        no_more_descriptors(),
    ):
        assert sender.send(1, server.fileno())
        await until(lambda: len(got.clients) == 1)
    assert got.clients == [None]
    assert [record.message for record in caplog.records] == ["client_lost"]


async def test_a_directory_whose_path_is_too_long_for_a_socket_is_said_so(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 100)
    place.mkdir()
    with (
        receiver() as got,
        pytest.raises(UserError, match="try another TMPDIR"),
        of(1, place).receiving(got),
    ):
        await asyncio.sleep(0)
