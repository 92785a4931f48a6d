"""Wake-ups between processes: two notifiers on one database stand for two server processes."""

import asyncio
import logging
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest
import pytest_asyncio

from queen.core.looking import PopRequest
from queen.core.notices import Change
from queen.core.pop import Delivery
from queen.core.store import AckItem, PartitionName
from queen.core.wakeups import Waiter, Wakeups
from queen.local.database import Database
from queen.postgres import notify
from queen.postgres.notices import Changed, Hello, Here, Notice, decode
from queen.postgres.notify import APPLICATION_NAME, CHANNEL, Connect, Connection, Notifier, connect
from queen.settings import PushStrategy, Settings
from tests.attempts import attempts, in_time
from tests.databases import connected
from tests.messages import new_message
from tests.waiting import until

from .conftest import Queue, open_queue, settings_for, soon
from .delivered import messages

STRATEGY = PushStrategy.BATCH


class Hearing(Wakeups):
    """Wake-ups that write down what they hear by name."""

    def __init__(self, notifier: Notifier) -> None:
        super().__init__(notifier)
        self.heard: list[Change] = []

    def hear(self, change: Change) -> None:
        self.heard.append(change)
        super().hear(change)


@dataclass(frozen=True)
class Process:
    """Wake-ups of one server process and what carries them to the others."""

    notifier: Notifier
    wakeups: Hearing

    def parks(self, queue: str, group: str = "g", partition: str | None = None) -> Waiter:
        return self.wakeups.join(queue, group, partition)


@asynccontextmanager
async def process(settings: Settings, connect: Connect = connect) -> AsyncIterator[Process]:
    """One that need not be listening yet."""
    notifier = Notifier(settings, connect)
    wakeups = Hearing(notifier)
    async with notifier.running(wakeups):
        yield Process(notifier, wakeups)


@asynccontextmanager
async def acquainted(settings: Settings) -> AsyncIterator[tuple[Process, Process]]:
    """Two whose polls wait, and that tell each other by name what they change."""

    def introduced() -> bool:
        one.wakeups.wake("hello", {"one"})
        other.wakeups.wake("hello", {"other"})
        return hello("one") in other.wakeups.heard and hello("other") in one.wakeups.heard

    async with process(settings) as one, process(settings) as other:
        one.parks("hello")
        other.parks("hello")
        await until(introduced)
        yield one, other


def hello(partition: str) -> Change:
    return Change("hello", None, frozenset({partition}))


@dataclass
class Observer:
    """Whoever LISTENs besides, and writes down what passes."""

    connection: Connection
    heard: list[Notice] = field(default_factory=list)

    def takes(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self.heard.append(decode(str(payload)))

    def named(self, queue: str) -> list[Changed]:
        """The notices that tell of that queue."""
        return [
            notice
            for notice in self.heard
            if isinstance(notice, Changed) and any(change.queue == queue for change in notice.changes or ())
        ]

    async def says(self, payload: str) -> None:
        await self.connection.execute("select pg_notify($1, $2)", CHANNEL, payload)

    async def backends(self) -> list[int]:
        """Process ids of the notifiers' backends."""
        rows = await self.connection.fetch(
            "select pid from pg_stat_activity where application_name = $1 and datname = current_database()",
            APPLICATION_NAME,
        )
        return [pid for (pid,) in rows]

    async def terminates(self) -> None:
        """Every notifier's backend."""
        for pid in await self.backends():
            await self.connection.execute("select pg_terminate_backend($1)", pid)


@pytest.fixture
def settings(each_database: Database) -> Settings:
    return settings_for(each_database)


@pytest_asyncio.fixture
async def observer(each_database: Database) -> AsyncIterator[Observer]:
    async with connected(each_database) as connection:
        observer = Observer(connection)
        await connection.add_listener(CHANNEL, observer.takes)
        yield observer


async def test_a_change_here_wakes_who_is_concerned_there(settings: Settings) -> None:
    async with acquainted(settings) as (one, other):
        mine, unconcerned = other.parks("q", partition="p1"), other.parks("q", partition="p2")
        groups = other.parks("r", "g"), other.parks("r", "h")
        here = one.parks("q", partition="p1")
        one.wakeups.wake("q", {"p1"})
        one.wakeups.wake("r", {"p1"}, "g")
        await until(lambda: mine.woken and groups[0].woken)
        assert here.woken
        assert not unconcerned.woken
        assert not groups[1].woken


async def test_one_that_is_alone_says_hello_and_nothing_else(settings: Settings, observer: Observer) -> None:
    async with process(settings) as one:
        await until(lambda: one.notifier.listening)
        for _ in range(50):  # longer than changes are gathered before they are told
            one.wakeups.wake("q", {"p"})
            await observer.connection.fetchval("select pg_sleep(0.001)")
        assert [type(notice) for notice in observer.heard] == [Hello]
        async with process(settings) as other:
            waiter = other.parks("q")
            await until(lambda: waiter.woken and len(observer.heard) >= 5)
            hello, answer, waits, first = observer.heard[1:5]
            assert isinstance(hello, Hello)
            assert isinstance(answer, Here)
            assert waits == Here(hello.sender, waiting=True)
            assert first == Changed(answer.sender, None), "what it told nobody before"
            one.wakeups.wake("q", {"p"})
            await until(
                lambda: observer.heard[-1] == Changed(answer.sender, (Change("q", None, frozenset("p")),))
            )


async def test_a_change_is_told_when_somebody_begins_to_wait_and_not_before(
    settings: Settings, observer: Observer
) -> None:
    async with process(settings) as one, process(settings) as other:
        await until(lambda: any(isinstance(notice, Here) for notice in observer.heard))
        for _ in range(50):  # longer than changes are gathered before they are told
            one.wakeups.wake("q", {"p"})
            await observer.connection.fetchval("select pg_sleep(0.001)")
        assert not any(isinstance(notice, Changed) for notice in observer.heard)
        waiter = other.parks("q")  # whose look may have been too early for the change
        await until(lambda: waiter.woken)


async def test_what_changes_at_once_is_one_notice(settings: Settings, observer: Observer) -> None:
    partitions = {f"p{number}" for number in range(20)}
    async with acquainted(settings) as (one, _other):
        for partition in partitions:
            one.wakeups.wake("q", {partition})
        one.wakeups.wake("last", {"p"}, "g")
        await until(lambda: bool(observer.named("last")))
        [notice] = observer.named("q")
        assert observer.named("last") == [notice]
        assert Change("q", None, frozenset(partitions)) in (notice.changes or ())


async def test_long_names_and_many_partitions_arrive_in_several_notices(
    settings: Settings, observer: Observer
) -> None:
    names = [f"{number:03}" + "\N{SNOWMAN}" * 252 for number in range(40)]
    async with acquainted(settings) as (one, other):
        before = len(observer.heard)
        waiters = [other.parks(name) for name in names] + [other.parks("many", partition="no. 499")]
        for name in names:
            one.wakeups.wake(name, {name})
        one.wakeups.wake("many", {f"no. {number}" for number in range(500)})
        await until(lambda: all(waiter.woken for waiter in waiters))
        await until(lambda: len(observer.heard) > before + 1)


async def test_a_connection_that_breaks_is_replaced_and_everybody_looks_again(
    settings: Settings, observer: Observer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "queen.wakeups")
    async with acquainted(settings) as (one, other):
        waiters = one.parks("q"), other.parks("q")
        await observer.terminates()
        await until(lambda: all(waiter.woken for waiter in waiters))
        await until(lambda: one.notifier.listening and other.notifier.listening)
        mine = other.parks("r")
        one.wakeups.wake("r", {"p"})
        await until(lambda: mine.woken)
    events = [record.message for record in caplog.records]
    assert sorted(events) == ["wakeups_listening"] * 4 + ["wakeups_not_listening"] * 2


async def test_what_changes_while_the_connection_is_broken_is_told_when_it_is_back(
    settings: Settings, observer: Observer
) -> None:
    async with acquainted(settings) as (one, _other):
        before = len(observer.heard)
        await observer.terminates()
        await until(lambda: not one.notifier.listening)
        for number in range(10_000):
            one.wakeups.wake(f"q{number}", {"p"})
        one.wakeups.wake("q0", {"p"})
        senders = [notice.sender for notice in observer.heard if isinstance(notice, Hello)]
        anything = [Changed(sender, None) for sender in senders]
        await until(lambda: all(notice in observer.heard[before:] for notice in anything))
        assert observer.named("q0") == []


async def test_a_connection_that_falls_silent_is_found_out_and_replaced(
    settings: Settings, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend is stopped: nothing breaks, and no statement is ever answered."""
    monkeypatch.setattr(notify, "CHECK_EVERY_S", 0.05)
    monkeypatch.setattr(notify, "ANSWER_TIMEOUT_S", 0.5)
    async with process(settings) as one:
        await until(lambda: one.notifier.listening)
        [backend] = await observer.backends()
        os.kill(backend, signal.SIGSTOP)
        try:
            waiter = one.parks("q")
            await until(lambda: waiter.woken and one.notifier.listening)
        finally:
            os.kill(backend, signal.SIGCONT)


async def test_garbage_is_ignored_with_one_line(
    settings: Settings, observer: Observer, caplog: pytest.LogCaptureFixture
) -> None:
    await observer.connection.remove_listener(CHANNEL, observer.takes)
    async with acquainted(settings) as (one, other):
        waiter = other.parks("q")
        await observer.says('{"type":"changed","from":"x","changes":[{"queue":"q","partitions":3}]}\r\n')
        await until(lambda: len(caplog.records) >= 2)
        one.wakeups.wake("q", {"p"})
        await until(lambda: waiter.woken)
    assert [record.message for record in caplog.records] == ["notice_not_understood"] * 2, "one a process"


async def test_at_the_end_what_was_announced_is_told_and_nothing_is_left(
    settings: Settings, observer: Observer
) -> None:
    async with acquainted(settings) as (one, _other):
        one.wakeups.wake("last", {"p"})
    await until(lambda: bool(observer.named("last")))
    await until(lambda: _no_backend(observer))


async def _no_backend(observer: Observer) -> bool:
    return not await observer.backends()


class Deaf(asyncpg.Connection):
    """A connection through a pooler that hands no notification through."""

    async def add_listener(self, channel: str, callback: object) -> None:
        """Nothing will be heard."""


async def deaf_connection(settings: Settings) -> Connection:
    return await asyncpg.connect(
        host=settings.pg_host,
        port=settings.pg_port,
        user=settings.pg_user,
        database=settings.pg_db,
        server_settings={"application_name": APPLICATION_NAME},
        connection_class=Deaf,
    )


async def test_where_listen_hears_nothing_it_is_said_once_and_tried_again(
    settings: Settings,
    observer: Observer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notify, "ANSWER_TIMEOUT_S", 0.05)
    async with process(settings, deaf_connection) as one:
        await until(lambda: sum(isinstance(notice, Hello) for notice in observer.heard) >= 3)
        assert not one.notifier.listening
    assert [record.message for record in caplog.records] == ["wakeups_not_listening"]
    await until(lambda: _no_backend(observer))


async def test_without_a_database_it_waits_for_one_and_ends_at_once(
    settings: Settings, unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = settings_for(Database(host="127.0.0.1", port=unused_tcp_port, user="nobody", name="none"))
    for attempt in attempts():
        with attempt:
            caplog.clear()
            async with process(nowhere) as one:
                await until(lambda: bool(caplog.records))
                waiter = one.parks("q")
                one.wakeups.wake("q", {"p"})
                assert waiter.woken, "wake-ups inside the process need no database"
                assert not one.notifier.listening
                started_s = time.perf_counter()
            in_time(time.perf_counter() - started_s, 1)


# With a queue on top.


@asynccontextmanager
async def server(settings: Settings) -> AsyncIterator[Queue]:
    notifier = Notifier(settings)
    async with open_queue(settings, notifier) as queue, notifier.running(queue.wakeups):
        await until(lambda: notifier.listening)
        yield queue


async def push(queue: Queue, name: str) -> None:
    await queue.pushers[STRATEGY].push([new_message(PartitionName("orders", "p"), '"x"', name)], soon())


async def ack(queue: Queue, delivery: Delivery, status: str) -> None:
    items = [
        AckItem(message.partition_id, message.transaction_id, status, str(delivery.lease_id))
        for message in messages(delivery)
    ]
    await queue.ack("__QUEUE_MODE__", items)


async def test_a_push_here_is_had_by_a_poll_there_soon(settings: Settings) -> None:
    delays_ms = []
    async with server(settings) as here, server(settings) as there:
        for number in range(21):
            polling = asyncio.create_task(there.pop(PopRequest("orders", None, wait_ms=20_000)))
            await until(lambda: _parked(there))
            started_s = time.perf_counter()
            await push(here, f"m{number}")
            delivery = await polling
            delays_ms.append(1000 * (time.perf_counter() - started_s))
            assert delivery is not None
            await ack(there, delivery, "completed")
    assert statistics.median(delays_ms) < 200


async def test_a_nack_here_is_had_by_a_poll_there_soon(settings: Settings) -> None:
    delays_ms = []
    async with server(settings) as here, server(settings) as there:
        await push(here, "again and again")
        for _ in range(7):
            held = await here.pop(PopRequest("orders", None))
            assert held is not None
            polling = asyncio.create_task(there.pop(PopRequest("orders", None, wait_ms=20_000)))
            await until(lambda: _parked(there))
            started_s = time.perf_counter()
            await ack(here, held, "retry")
            delivery = await polling
            delays_ms.append(1000 * (time.perf_counter() - started_s))
            assert delivery is not None
            await ack(there, delivery, "retry")
    assert statistics.median(delays_ms) < 200


def _parked(queue: Queue) -> bool:
    """One poll has looked in vain: it holds no connection any more."""
    pool = queue.gauges.read()
    return queue.wakeups.parked == 1 and pool.idle_count == pool.total_count
