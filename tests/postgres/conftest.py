"""A store over a fresh, migrated database, on PostgreSQL 15 and on 18.

Databases of this room are copies of one that is migrated and else untouched: to migrate each anew would be
half of the room's work. `tests/postgres/test_migrate.py` gets empty ones.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

import msgspec
import pytest
import pytest_asyncio

from queen.core.ack import Acked, Acker, shared_acks
from queen.core.backlog import Backlog
from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.looking import Looker, PopRequest, shared_looks
from queen.core.notices import Announcer
from queen.core.pop import Delivery, Popper
from queen.core.push import Pusher
from queen.core.store import AckItem
from queen.core.strategies import strategy_of
from queen.core.transaction import Transactor
from queen.core.wakeups import Wakeups
from queen.core.watching import Watch
from queen.jobs.periodic import Periodic
from queen.local.database import Database
from queen.local.postgres import PostgresServer
from queen.observe.boarding import BoardingGauges
from queen.observe.pool import PoolGauges
from queen.postgres.held import holding
from queen.postgres.migrate import migrate
from queen.postgres.pool import TunedPool, open_pool
from queen.postgres.store import PostgresStore
from queen.settings import PushStrategy, Settings
from tests.conftest import Servers, TemplateOf, fresh_database
from tests.waiting import over

STATEMENT_TIMEOUT_MS = 20_000


def soon() -> Deadline:
    """A deadline that a healthy database meets easily."""
    return Deadline.after_ms(STATEMENT_TIMEOUT_MS)


@dataclass
class Ear:
    """A listener that goes away when it is told to."""

    gone: bool = False
    callbacks: list[Callable[[], None]] = field(default_factory=list)

    def on_gone(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def leave(self) -> None:
        """Go away."""
        self.gone = True
        for callback in list(self.callbacks):
            callback()


@dataclass(frozen=True)
class Queue:
    """The operations of one server process, and a way to look into the tables."""

    pool: TunedPool
    gauges: PoolGauges
    boarding: BoardingGauges
    store: PostgresStore
    wakeups: Wakeups
    pushers: dict[PushStrategy, Pusher]
    popper: Popper
    acker: Acker
    transactor: Transactor

    async def pop(self, request: PopRequest, listener: Ear | None = None) -> Delivery | None:
        """Pop for somebody who waits for the answer, unless told otherwise."""
        return await self.popper.pop(request, listener or Ear())

    async def ack(self, group: str, items: Sequence[AckItem]) -> list[Acked]:
        """Ack as /ack does: the short way if there is one, else by the whole rule."""
        boarded = self.acker.board(group, items, soon())
        if boarded is not None:
            await over(boarded.rider)
            done = boarded.land()
            if done is not None:
                return done
        return await self.acker.judge(group, items, soon())

    async def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of a statement."""
        async with self.pool.connection(soon()) as connection:
            return [tuple(row) for row in await connection.fetch(statement, *values)]


def settings_for(database: Database, **changes: object) -> Settings:
    """Settings of a server on that database."""
    settings = Settings(
        pg_host=database.host, pg_port=database.port, pg_user=database.user, pg_db=database.name
    )
    return msgspec.structs.replace(settings, **changes)


def using(settings: Settings, strategy: PushStrategy) -> Settings:
    """The same settings with that strategy."""
    return msgspec.structs.replace(settings, push_strategy=strategy)


@asynccontextmanager
async def open_queue(settings: Settings, announcer: Announcer | None = None) -> AsyncIterator[Queue]:
    """What `queen.api.app` wires, without the HTTP."""
    gauges, boarding = PoolGauges(settings.db_pool_size), BoardingGauges()
    async with open_pool(settings, gauges) as pool:
        async with pool.connection(soon()) as connection:
            await migrate(connection)
        store, hold, wakeups = PostgresStore(pool), holding(pool), Wakeups(announcer)
        directory, backlog = Directory(store), Backlog(store)
        async with AsyncExitStack() as stack:
            strategies = {
                kind: await stack.enter_async_context(
                    strategy_of(store, hold, boarding, using(settings, kind))
                )
                for kind in PushStrategy
            }
            await stack.enter_async_context(Periodic([Watch(store, wakeups)]).running())
            plain = shared_acks(hold, boarding, settings.db_connection_timeout)
            await stack.enter_async_context(plain.running())
            looks = shared_looks(hold, boarding, settings.db_connection_timeout)
            await stack.enter_async_context(looks.running())
            yield Queue(
                pool=pool,
                gauges=gauges,
                boarding=boarding,
                store=store,
                wakeups=wakeups,
                pushers={
                    kind: Pusher(directory, backlog, wakeups, strategy)
                    for kind, strategy in strategies.items()
                },
                popper=Popper(Looker(store, looks, directory, soon), wakeups),
                acker=Acker(store, plain, wakeups),
                transactor=Transactor(store, directory, backlog, wakeups),
            )


@asynccontextmanager
async def popping(store: PostgresStore, directory: Directory, wakeups: Wakeups) -> AsyncIterator[Popper]:
    """The pop operation over that store, whose shared looks borrow their connections like all others."""
    looks = shared_looks(lambda _: nullcontext(store), BoardingGauges(), STATEMENT_TIMEOUT_MS)
    async with looks.running():
        yield Popper(Looker(store, looks, directory, soon), wakeups)


class Migrated:
    """The name of a migrated database on each server, made when it is first asked for."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._names: dict[PostgresServer, str] = {}

    async def get(self, server: PostgresServer) -> str:
        """One to make copies of: nobody is connected to it."""
        if server not in self._names:
            made = await self._stack.enter_async_context(fresh_database(server))
            async with (
                open_pool(settings_for(made), PoolGauges(1)) as pool,
                pool.connection(soon()) as connection,
            ):
                await migrate(connection)
            self._names[server] = made.name
        return self._names[server]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(servers: Servers) -> AsyncIterator[Migrated]:
    """Closed before the servers."""
    async with AsyncExitStack() as stack:
        yield Migrated(stack)


@pytest.fixture
def template_of(migrated: Migrated) -> TemplateOf:
    return migrated.get


@pytest_asyncio.fixture
async def queue(each_database: Database) -> AsyncIterator[Queue]:
    async with open_queue(settings_for(each_database)) as opened:
        yield opened
