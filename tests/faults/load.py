"""The load: producers and consumers of two groups, a fault in the middle, then the drain and the audit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Any

from queen.local.database import Database
from tests.conformance.client import Client, Queue
from tests.waiting import until

from .audit import Verdict, audit
from .consumer import Consumer
from .line import Line
from .producer import Producer
from .records import Records, Request
from .table import read_table

LEASE_S = 2
GROUPS = frozenset({"billing", "shipping"})
PARTITIONS = ("p0", "p1", "p2", "p3")
PRODUCERS, CONSUMERS_EACH = 3, 3  # one of the producers is hasty, one consumer of each group slow
DRAIN_S = 12.0
PROGRESS = 50  # pushes that are load enough before a fault, and again behind it


@dataclass
class Load:
    """A running load on one queue, and all that its clients saw."""

    queue: str
    records: Records = field(default_factory=Records)
    no_more: asyncio.Event = field(default_factory=asyncio.Event)  # the producers end
    producers: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def requests(self) -> list[Request]:
        """Every request so far."""
        return self.records.requests

    async def progress(self, pushes: int = PROGRESS) -> None:
        """Wait until that many more pushes are answered, and each group has taken something more."""
        answered, taken = len(self.answered("push")), len(self.records.takes)

        def gone_on() -> bool:
            groups = {take.group for take in self.records.takes[taken:]}
            return len(self.answered("push")) >= answered + pushes and groups == GROUPS

        await until(gone_on)

    def answered(self, what: str, since_s: float = 0.0) -> list[Request]:
        """The requests of that kind that were sent since then and answered well."""
        return [
            each
            for each in self.requests
            if each.what == what and each.sent_s >= since_s and each.status in (200, 201, 204)
        ]

    def failed(self) -> list[Request]:
        """The requests that were answered 503."""
        return [each for each in self.requests if each.status == 503]

    async def drained(self, database: Database) -> Verdict:
        """Push no more, wait until every group has committed everything, and audit."""
        self.no_more.set()
        await until(lambda: all(producer.done() for producer in self.producers), DRAIN_S)
        table = await read_table(database, self.queue)

        async def all_committed() -> bool:
            nonlocal table
            table = await read_table(database, self.queue)
            return table.drained(GROUPS)

        await until(all_committed, DRAIN_S)
        return audit(table, self.records, GROUPS, LEASE_S)


@asynccontextmanager
async def running(queue: str, *urls: Callable[[], str]) -> AsyncIterator[Load]:
    """A queue under load inside the block; the clients share the servers of `urls`."""
    await Queue(Client.of(urls[0]()), queue).configure(leaseTime=LEASE_S)
    load = Load(queue)
    servers = cycle(urls)
    async with asyncio.TaskGroup() as group:

        def start(work: Callable[[Line], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
            return group.create_task(_client(work, next(servers), load.records))

        for number in range(PRODUCERS):
            producer = Producer(f"{number}", queue, PARTITIONS, load.records, hasty=number == 0)
            load.producers.append(start(partial(producer.run, stop=load.no_more)))
        consumers = [
            start(Consumer(queue, name, LEASE_S, load.records, slow=number == 0).run)
            for name in sorted(GROUPS)
            for number in range(CONSUMERS_EACH)
        ]
        yield load
        for client in (*load.producers, *consumers):
            client.cancel()


async def _client(
    work: Callable[[Line], Coroutine[Any, Any, None]], url: Callable[[], str], records: Records
) -> None:
    async with Line.open(url, records.requests) as line:
        await work(line)
