"""Statements sent straight to a server's database: what it can do when nothing stands in front of it.

The client is asyncpg in this process. It costs as little as it can: ids and payloads are made once, only the
transactionIds and positions are new in each statement. Each statement is for one partition, as a push is.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from loadtests.ceiling import statements
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import PARTITIONS, PAYLOAD_BYTES, counted
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.push_body import name, payload
from loadtests.ceiling.window import Asked, Measured, WindowClock
from loadtests.results import CeilingCell
from queen.local.open_database import Connection

Statement = Literal["flush", "insert", "copy"]
Work = Callable[[Connection], Awaitable[int]]  # one statement; returns the rows that it stored
NAMES: dict[Statement, str] = {"flush": "flush statement", "insert": "plain INSERT", "copy": "COPY"}
COLUMNS = ("id", "transaction_id", "queue_id", "partition_id", "position", "payload", "created_at")
DIRECT_QUEUE, INSERT_QUEUE = "direct", "direct-insert"
MOST_ROWS = 4096  # of one statement
_blocks = itertools.count()  # of positions for plain inserts: no two statements of this process share one


@dataclass(frozen=True)
class DirectWrite(OneServer):
    """`rows` a statement over `connections` connections, into the tables of `server`.

    `flush` is the server's own statement, with locks, duplicate look-up and positions; `insert` is a plain
    INSERT and `copy` a COPY into the same table.
    """

    statement: Statement
    rows: int
    connections: int = 4

    @property
    def key(self) -> str:
        """For instance `flush-100-c4`."""
        return f"{self.statement}-{self.rows}-c{self.connections}"

    @property
    def described(self) -> CeilingCell:
        name = NAMES[self.statement]
        rows = counted(self.rows, "row")
        return CeilingCell(
            key=self.key,
            group="raw",
            kind="write",
            label=f"{name}, {rows}, {counted(self.connections, 'connection')}",
        )

    async def prepare(self, bench: Bench) -> None:
        """Make partitions that no client pushes to."""
        for queue in (DIRECT_QUEUE, INSERT_QUEUE):
            await bench.servers[self.server].partitions(queue, PARTITIONS)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Send statement after statement over each connection."""
        server = bench.servers[self.server]
        queue = DIRECT_QUEUE if self.statement == "flush" else INSERT_QUEUE
        partitions = itertools.cycle(await server.partitions(queue, PARTITIONS))
        work = self._work(asked, partitions)
        clock, cpu_s = await closed_loop(await bench.direct(server.database, self.connections), work, asked)
        return clock.measured(cpu_s=cpu_s)

    def _work(self, asked: Asked, partitions: Iterator[int]) -> Work:
        randomness = random.Random(asked.seed)
        rows = self.rows
        ids = [UUID(int=randomness.getrandbits(128), version=4) for _ in range(rows)]
        payloads = [payload(PAYLOAD_BYTES, item, randomness) for item in range(rows)]
        traces: list[None] = []  # as a push that has none
        numbers = itertools.count()

        def transactions() -> list[str]:
            first = next(numbers) * rows
            return [name(asked.tag, number) for number in range(first, first + rows)]

        async def flush(connection: Connection) -> int:
            names = transactions()
            existing = await connection.fetchval(
                statements.PUSH,
                [next(partitions)],
                [1, rows + 1],
                [names[0]],
                [names[-1]],
                ids,
                names,
                traces,
                payloads,
            )
            return rows if existing is None else existing.count(None)

        async def insert(connection: Connection) -> int:
            base = next(_blocks) * MOST_ROWS
            await connection.fetch(
                statements.INSERT_MANY, ids, transactions(), 0, next(partitions), base, payloads
            )
            return rows

        async def insert_one(connection: Connection) -> int:
            base = next(_blocks) * MOST_ROWS
            await connection.fetch(
                statements.INSERT_ONE, ids[0], transactions()[0], 0, next(partitions), base, payloads[0]
            )
            return 1

        async def copy(connection: Connection) -> int:
            partition, base, at = next(partitions), next(_blocks) * MOST_ROWS, datetime.now(UTC)
            columns = zip(ids, transactions(), payloads, itertools.count(base), strict=False)
            await connection.copy_records_to_table(
                "messages",
                schema_name="queen",
                columns=COLUMNS,
                records=[(one, name, 0, partition, place, text, at) for one, name, text, place in columns],
            )
            return rows

        if self.statement == "flush":
            return flush
        if self.statement == "copy":
            return copy
        return insert if rows > 1 else insert_one


async def closed_loop(
    connections: Sequence[Connection], work: Work, asked: Asked
) -> tuple[WindowClock, float]:
    """Each connection works without a pause until the window is closed; also this process's CPU seconds.

    Raises `DATABASE_FAILURES`.
    """
    clock = WindowClock(asked)

    async def go_on(connection: Connection) -> None:
        while not clock.closed:
            began_s = time.perf_counter()
            clock.done(await work(connection), began_s)

    cpu_s = time.process_time()
    try:
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(go_on(connection))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return clock, time.process_time() - cpu_s
