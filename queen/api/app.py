"""The application: settings in, a route table out; opens what it needs and closes it again.

This is the one place where the rooms are wired: pool → store → operations → resources → routes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from queen.api.ack import AckResource
from queen.api.configure import ConfigureResource
from queen.api.depth import DepthResource
from queen.api.dlq import DeadLettersResource
from queen.api.group_changes import GroupChangesResource
from queen.api.groups import GroupsResource
from queen.api.health import HealthResource
from queen.api.lease import LeaseResource
from queen.api.messages import MessagesResource
from queen.api.metrics import MetricsResource
from queen.api.openapi import OpenApiResource
from queen.api.pop import PopResource
from queen.api.push import PushResource
from queen.api.resources import ResourcesResource
from queen.api.status import StatusResource
from queen.api.transaction import TransactionResource
from queen.core.ack import Acker, PlainAcks, shared_acks
from queen.core.backlog import Backlog
from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.groups import Groups
from queen.core.looking import Looker, Looks, shared_looks
from queen.core.pop import Popper
from queen.core.push import Pusher
from queen.core.queues import Queues
from queen.core.strategies import Strategy, strategy_of
from queen.core.transaction import Transactor
from queen.core.wakeups import Wakeups
from queen.core.watching import Watch
from queen.errors import DatabaseUnavailable, PoolTimeout, UserError
from queen.http.connections import Connections
from queen.http.routes import Route, RouteTable
from queen.jobs.expiring import expiring_jobs
from queen.jobs.periodic import Periodic
from queen.observe.activity import Activity
from queen.observe.boarding import BoardingGauges
from queen.observe.instance import Siblings
from queen.observe.loop_lag import LoopLag
from queen.observe.pool import PoolGauges
from queen.observe.reading import Instruments
from queen.postgres.held import holding
from queen.postgres.migrate import migrate
from queen.postgres.notify import Notifier
from queen.postgres.pool import Pool, open_pool
from queen.postgres.reader import PostgresReader
from queen.postgres.store import PostgresStore
from queen.settings import Settings


class Resource(Protocol):
    """One module of endpoints."""

    def routes(self) -> list[Route]:
        """What it answers."""
        ...


@dataclass(frozen=True)
class Application:
    """What a worker serves."""

    routes: RouteTable
    wakeups: Wakeups
    jobs: Periodic
    pool: PoolGauges

    @property
    def pool_demand_s(self) -> float:
        """Time integral of the clients of the pool, those that wait included, over its connections."""
        return self.pool.demand_s

    def begin_drain(self) -> None:
        """Let every parked poll answer now, and begin nothing new: the server stops."""
        self.wakeups.close()
        self.jobs.stop()


@dataclass(frozen=True)
class _Parts:
    """What the operations are made of."""

    store: PostgresStore
    looks: Looks
    plain: PlainAcks
    strategy: Strategy
    wakeups: Wakeups
    backlog: Backlog


@asynccontextmanager
async def application(
    settings: Settings, connections: Connections, lag: LoopLag, siblings: Siblings
) -> AsyncIterator[Application]:
    """Open the pool, bring the database to this version, listen for wake-ups, and yield what to serve.

    `connections`, `lag` and `siblings` are the worker's own, for the metrics.

    Raises `UserError` when the database cannot be reached or is not ours to migrate.
    """
    gauges, boarding = PoolGauges(settings.db_pool_size), BoardingGauges()
    async with open_pool(settings, gauges) as pool:
        await _prepare(pool, settings)
        notifier = Notifier(settings)
        wakeups = Wakeups(notifier)
        store, hold = PostgresStore(pool), holding(pool)
        backlog = Backlog(store)
        retention, eviction = expiring_jobs(store, settings)
        jobs = Periodic([retention, eviction, Watch(store, wakeups)])
        looks = shared_looks(hold, boarding, settings.db_connection_timeout)
        plain = shared_acks(hold, boarding, settings.db_connection_timeout)
        instruments = Instruments(
            gauges,
            boarding,
            Activity(),
            wakeups,
            notifier,
            connections,
            lag,
            backlog,
            retention,
            eviction,
            jobs,
        )
        async with (
            strategy_of(store, hold, boarding, settings) as strategy,
            looks.running(),
            plain.running(),
            siblings.answering(instruments.read),
            notifier.running(wakeups),
            jobs.running(),
        ):
            reader = PostgresReader(pool)
            parts = _Parts(store, looks, plain, strategy, wakeups, backlog)
            routes = _routes(settings, parts, reader, instruments, siblings)
            yield Application(routes, wakeups, jobs, gauges)


async def _prepare(pool: Pool, settings: Settings) -> None:
    try:
        async with pool.connection(Deadline.after_ms(settings.db_statement_timeout)) as connection:
            await migrate(connection)
    except (DatabaseUnavailable, PoolTimeout) as error:
        where = f"PG_HOST={settings.pg_host} PG_PORT={settings.pg_port} PG_DB={settings.pg_db}"
        raise UserError(f"no database at {where}: {error}") from None


def _routes(
    settings: Settings,
    parts: _Parts,
    reader: PostgresReader,
    instruments: Instruments,
    siblings: Siblings,
) -> RouteTable:
    store, wakeups, backlog = parts.store, parts.wakeups, parts.backlog
    directory = Directory(store)
    queues = Queues(store, backlog, wakeups)
    activity = instruments.activity
    deadline = partial(Deadline.after_ms, settings.db_statement_timeout)
    looker = Looker(store, parts.looks, directory, deadline)
    resources: list[Resource] = [
        HealthResource(store, siblings.worker_id),
        MetricsResource(instruments, siblings, settings.enable_metrics),
        ConfigureResource(queues, deadline),
        PushResource(Pusher(directory, backlog, wakeups, parts.strategy), activity, deadline),
        PopResource(Popper(looker, wakeups), activity, settings),
        AckResource(Acker(store, parts.plain, wakeups), activity, deadline),
        TransactionResource(Transactor(store, directory, backlog, wakeups), activity, deadline),
        LeaseResource(store, deadline),
        MessagesResource(reader, deadline),
        DeadLettersResource(reader, deadline),
        ResourcesResource(reader, queues, deadline),
        DepthResource(reader, deadline),
        StatusResource(reader, deadline),
        GroupsResource(reader, deadline),
        GroupChangesResource(Groups(store, wakeups), deadline),
    ]
    routes = [route for resource in resources for route in resource.routes()]
    return RouteTable([*routes, *OpenApiResource(routes).routes()])
