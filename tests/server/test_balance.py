"""Who serves a connection: the first worker that has room."""

import asyncio
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from queen.http.connections import Connection, Connections
from queen.server.balance import Balance
from queen.server.membership import Membership
from queen.server.work import Work
from tests.clock import Clock
from tests.server.descriptors import no_more_descriptors
from tests.waiting import until

LOOK_S = 1.0  # between the looks of these tests


class Client:
    """A connection of a worker; its other end is nobody's."""

    def __init__(self, used_s: float) -> None:
        self.used_s = used_s
        self.deadline_s = float("inf")
        self.gone = False
        self.busy = False
        self._leave: Callable[[Connection], None] | None = None
        self._socket, self._peer = socket.socketpair()

    @property
    def leaves(self) -> bool:
        """Whether it may go with its next answer."""
        return self._leave is not None

    @property
    def descriptor(self) -> int | None:
        return None if self.busy else self._socket.fileno()

    def after_answer(self, leave: Callable[[Connection], None]) -> None:
        self._leave = leave

    def answer(self) -> None:
        """One more answer is out."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self)

    def let_go(self) -> None:
        self.gone = True

    def expire(self) -> None: ...

    def begin_drain(self) -> None: ...

    def abort(self) -> None:
        self._socket.close()
        self._peer.close()


@dataclass
class Worker:
    """One of an instance: how busy it is, is up to the test."""

    worker_id: int
    instance: "Instance"
    demand_s: float = 0.0
    used_s: float = 0.0
    received: list[socket.socket] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connections = Connections(max_clients=100)
        self.balance = Balance(
            Membership(self.worker_id, self.instance.workers, self.instance.directory),
            self.connections,
            Work(lambda: self.demand_s, lambda: self.used_s, self.instance.clock),
            self.instance.clock,
        )

    def open(self, number: int = 1, answers: int = 2) -> list[Client]:
        """Connections that the kernel deals it, after so many answers."""
        clients = self.hold(number)
        for client in clients:
            client.after_answer(self.balance.welcome)
            for _ in range(answers):
                client.answer()
            if client.gone:
                self.connections.leave(client)
        return clients

    def hold(self, number: int) -> list[Client]:
        """Connections that have found their place."""
        clients = [Client(asyncio.get_running_loop().time()) for _ in range(number)]
        self.clients += clients
        for client in clients:
            self.connections.admit(client)
        return clients

    def take(self, client: socket.socket) -> None:
        """Go on with a client of another worker."""
        self.received.append(client)
        self.hold(1)
        self.balance.tell()

    @property
    def leaving(self) -> list[Client]:
        """Its connections that may go with their next answer."""
        clients = [each for each in self.connections.open if isinstance(each, Client)]
        return [each for each in clients if each.leaves]


class Instance:
    """Workers that see each other."""

    def __init__(self, directory: Path, workers: int) -> None:
        self.directory = directory
        self.workers = workers
        self.clock = Clock(1_000.0)
        self.members = [Worker(number, self) for number in range(workers)]

    def close(self) -> None:
        """Close what is open."""
        for member in self.members:
            for client in member.received:
                client.close()
            for mine in member.clients:
                mine.abort()

    def pass_a_second(self, *busy: float) -> None:
        """Each worker uses that much of it, and looks."""
        self.clock.now_s += LOOK_S
        for member, used in zip(self.members, busy, strict=True):
            member.used_s += used * LOOK_S
        for member in self.members:
            member.balance.look()


@contextmanager
def running(directory: Path, workers: int = 2) -> Iterator[Instance]:
    instance = Instance(directory, workers)
    with ExitStack() as stack:
        for member in instance.members:
            stack.enter_context(member.balance.running(member.take))
        yield instance
    instance.close()


def gone(clients: Iterable[Client]) -> list[bool]:
    return [client.gone for client in clients]


async def test_a_client_that_comes_again_goes_to_the_first_worker_wherever_it_came_in(tmp_path: Path) -> None:
    with running(tmp_path, 3) as instance:
        first, second, _ = instance.members
        once = [client for each in instance.members for client in each.open(answers=1)]
        assert gone(once) == [False, False, False]
        assert gone(client for each in instance.members for client in each.open()) == [False, True, True]
        await until(lambda: len(first.received) == 2)
        assert (second.connections.moved, len(second.connections.open), second.received) == (1, 1, [])


async def test_one_that_is_busy_gets_no_more(tmp_path: Path) -> None:
    with running(tmp_path, 3) as instance:
        second = instance.members[1]
        instance.pass_a_second(0.85, 0.0, 0.0)
        assert gone(client for each in instance.members for client in each.open()) == [True, False, True]
        await until(lambda: len(second.received) == 2)


async def test_where_nobody_has_room_everybody_keeps_what_comes(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        instance.pass_a_second(1.0, 1.0)
        clients = [client for each in instance.members for client in each.open()]
        assert gone(clients) == [False, False]
        assert not any(client.leaves for client in clients)


async def test_one_that_is_nearly_at_its_max_clients_gets_no_more(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        first, second = instance.members
        first.hold(80)
        instance.pass_a_second(0.0, 0.0)
        assert gone(second.open()) == [False]


async def test_each_that_comes_counts_at_once(tmp_path: Path) -> None:
    """Many may come between two looks."""
    with running(tmp_path) as instance:
        first, second = instance.members
        first.open(79)
        assert gone(second.open()) == [True]
        await until(lambda: len(first.connections.open) == 80)
        assert gone(second.open()) == [False]


async def test_one_that_is_over_its_max_clients_shares(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        first, _ = instance.members
        first.hold(96)
        instance.pass_a_second(0.0, 0.0)
        assert len(first.leaving) == 48


async def test_one_that_has_not_looked_for_long_gets_no_more(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        second = instance.members[1]
        instance.clock.now_s += 3.0
        assert gone(second.open()) == [False]
        instance.members[0].balance.look()
        assert gone(second.open()) == [True]


async def test_one_that_is_full_for_two_looks_shares_evenly(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        first, second = instance.members
        clients = first.open(40)
        instance.pass_a_second(1.5, 0.2)
        first.balance.look()  # too soon to be a look
        assert first.leaving == []
        instance.pass_a_second(1.0, 0.2)
        assert len(first.leaving) == 16  # 0.4 of them: then 0.6 are taken of each
        for client in clients:
            client.answer()
            await asyncio.sleep(0)  # few may wait to be received
        await until(lambda: len(second.received) == 16)
        assert sum(gone(clients)) == first.connections.moved == 16


async def test_a_client_that_does_not_answer_soon_stays(tmp_path: Path) -> None:
    """What was seen then is no reason any more."""
    with running(tmp_path) as instance:
        first, _ = instance.members
        clients = first.open(40)
        for _ in range(2):
            instance.pass_a_second(1.0, 0.0)
        assert len(first.leaving) == 20
        instance.clock.now_s += 1.0
        for client in clients:
            client.answer()
        assert not any(gone(clients))
        assert first.leaving == []


@pytest.mark.parametrize(
    ("demand", "others", "leaving"),
    [
        (1.5, 0.0, 20),  # half of them
        (2.0, 0.625, 15),  # 3/8 of them: the other's counts as 0.5, then 1.25 are wanted of each
    ],
)
async def test_who_waits_for_the_pool_counts_as_the_processor_does_and_the_more_the_more(
    tmp_path: Path, demand: float, others: float, leaving: int
) -> None:
    with running(tmp_path) as instance:
        first, second = instance.members
        first.open(40)
        for _ in range(2):
            first.demand_s += demand * LOOK_S
            second.demand_s += others * LOOK_S
            instance.pass_a_second(0.1, 0.0)
        assert len(first.leaving) == leaving
        assert second.leaving == []


async def test_a_pool_that_is_used_up_without_anybody_waiting_moves_nobody(tmp_path: Path) -> None:
    """Nor do two such workers come together: there would be somebody who waits."""
    with running(tmp_path) as instance:
        first, second = instance.members
        clients = first.open(4)
        instance.pass_a_second(1.0, 0.0)
        clients += second.open(4)
        for _ in range(3):
            for member in instance.members:
                member.demand_s += LOOK_S
            instance.pass_a_second(0.1, 0.1)
        assert first.leaving == second.leaving == []
        assert not any(gone(clients))


async def test_of_several_that_are_full_each_gives_its_part(tmp_path: Path) -> None:
    with running(tmp_path, 5) as instance:
        *full, last = instance.members
        for member in full:
            member.hold(40)
        for _ in range(2):
            instance.pass_a_second(1.0, 1.0, 1.0, 1.0, 0.0)
        assert [len(member.leaving) for member in full] == [8, 8, 8, 8]  # then each has 32
        assert last.leaving == []


async def test_of_several_that_are_full_each_gives_to_another_one(tmp_path: Path) -> None:
    with running(tmp_path, 4) as instance:
        first, second, third, fourth = instance.members
        clients = first.hold(40) + second.hold(40)
        for _ in range(2):
            instance.pass_a_second(1.0, 1.0, 0.0, 0.0)
        assert [len(first.leaving), len(second.leaving)] == [20, 20]
        for client in clients:
            client.answer()
            await asyncio.sleep(0)
        await until(lambda: len(third.received) == len(fourth.received) == 20)


async def test_what_is_idle_stays(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        first, _ = instance.members
        for client in first.open(40)[:30]:
            client.used_s -= 10
        for _ in range(2):
            instance.pass_a_second(1.0, 0.0)
        assert len(first.leaving) == 5


async def test_two_that_one_can_do_for_come_together(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        first, second = instance.members
        instance.pass_a_second(1.0, 0.0)
        clients = second.open(4)
        assert not any(gone(clients))
        instance.pass_a_second(0.4, 0.4)
        assert second.leaving == []
        instance.pass_a_second(0.3, 0.3)
        assert len(second.leaving) == 4
        for client in clients:
            client.answer()
        await until(lambda: len(first.received) == 4)


async def test_of_several_that_one_can_do_for_the_last_one_gives_first(tmp_path: Path) -> None:
    """All at once would be too much for it."""
    with running(tmp_path, 3) as instance:
        first, second, third = instance.members
        instance.pass_a_second(1.0, 1.0, 1.0)
        for member in instance.members:
            member.open(4)
        instance.pass_a_second(0.3, 0.3, 0.3)
        assert [len(member.leaving) for member in instance.members] == [0, 0, 4]
        for client in third.leaving:
            client.answer()
        await until(lambda: len(first.received) == 4)
        for _ in range(2):
            instance.pass_a_second(0.3, 0.3, 0.0)
        assert len(second.leaving) == 4


async def test_behind_one_that_is_not_there_nobody_is_waited_for(tmp_path: Path) -> None:
    instance = Instance(tmp_path, 3)
    first, second, _ = instance.members
    with first.balance.running(first.take), second.balance.running(second.take):
        second.hold(4)
        instance.pass_a_second(0.3, 0.3, 0.0)
        instance.pass_a_second(0.3, 0.3, 0.0)
        assert len(second.leaving) == 4
    instance.close()


@pytest.mark.parametrize("then_full", [False, True])
async def test_one_that_cannot_go_yet_tries_again_while_there_is_room(
    tmp_path: Path, then_full: bool
) -> None:
    with running(tmp_path) as instance:
        second = instance.members[1]
        instance.pass_a_second(1.0, 0.0)
        (client,) = second.open()
        instance.pass_a_second(0.0, 0.0)
        client.busy = True
        client.answer()
        client.answer()
        assert not client.gone
        if then_full:
            instance.members[0].used_s += 0.9 * LOOK_S
            instance.clock.now_s += LOOK_S / 2
            instance.members[0].balance.look()
        client.busy = False
        client.answer()
        assert client.gone is not then_full
        assert not second.leaving


async def test_one_that_has_ended_gets_nothing_and_is_not_there(tmp_path: Path) -> None:
    instance = Instance(tmp_path, 3)
    first, second, third = instance.members
    with second.balance.running(second.take), third.balance.running(third.take):
        with first.balance.running(first.take):
            assert gone(third.open()) == [True]
        assert len(first.received) == 1  # it was on the way
        assert gone(third.open()) == [True]
        await until(lambda: len(second.received) == 1)
    instance.close()


async def test_one_that_can_have_no_more_descriptors_gets_no_more(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        first, second = instance.members
        (client,) = second.open(answers=1)
        with no_more_descriptors():
            client.answer()
            assert client.gone
            await asyncio.sleep(0.05)
        assert first.received == []
        assert gone(second.open()) == [False]
