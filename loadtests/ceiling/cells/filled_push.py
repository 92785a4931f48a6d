"""Pushes into a table that holds millions of messages already: look-up and indexes at their full size."""

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from loadtests.ceiling import statements
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import PARTITIONS, PAYLOAD_BYTES
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.push_body import Ids, payload
from loadtests.ceiling.servers import RunningServer, ServerConfig
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell
from queen.local.open_database import Connection

CONNECTIONS = 2  # that fill; more would find no processor on a small machine
STATEMENT_ROWS = 50_000  # of one statement


@dataclass(frozen=True)
class FilledPush:
    """`push` against a server whose table holds `rows` messages before any window, and every push since.

    They have ids of the kind that is pushed; of several kinds each holds one of `shares` of the table.

    The server has a role of its own: one of the usual role begins each window with an empty table.
    """

    push: HttpPush
    rows: int
    shares: int = 1

    @property
    def described(self) -> CeilingCell:
        plain = self.push.described
        return replace(plain, label=f"{plain.label}, {self.rows:,} messages")

    @property
    def servers(self) -> Sequence[ServerConfig]:
        return self.push.servers

    def missing(self, bench: Bench) -> str | None:
        return self.push.missing(bench)

    async def prepare(self, bench: Bench) -> None:
        """Fill the table up: the same rows, indexes and statistics that pushes and autovacuum leave."""
        await self.push.prepare(bench)
        server = bench.servers[self.push.server]
        missing = self.rows // self.shares - await server.stored(self.push.queue)
        if missing > 0:  # another cell of the same server may have filled it
            await fill(server, await bench.direct(server.database, CONNECTIONS), self.push, missing)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Push; what its own queue holds at the end is told with the figures."""
        measured = await self.push.measure(bench, asked)
        stored = await bench.servers[self.push.server].stored(self.push.queue)
        return measured.with_figures(stored_messages=float(stored))


async def fill(server: RunningServer, connections: Sequence[Connection], push: HttpPush, rows: int) -> None:
    """Append `rows` messages, evenly over the partitions; each connection fills partitions of its own."""
    partitions = await server.partitions(push.queue, PARTITIONS)
    text = payload(PAYLOAD_BYTES, 0, random.Random(0))
    index = await server.control.fetchval(statements.DUPLICATES_INDEX)
    await server.control.execute(statements.DROP_DUPLICATES_INDEX)
    try:
        async with asyncio.TaskGroup() as fillers:
            for place, connection in enumerate(connections):
                own = partitions[place :: len(connections)]
                fillers.create_task(_append(connection, own, rows * len(own) // PARTITIONS, text, push.ids))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    await server.control.execute(statements.SETTLE)
    await server.control.execute(statements.SORT_MEMORY)
    await server.control.execute(index)


async def _append(connection: Connection, partitions: Sequence[int], rows: int, text: str, ids: Ids) -> None:
    turns = itertools.cycle(partitions)
    for count in _portions(rows, len(partitions)):
        await connection.execute(statements.FILL_PARTITION, next(turns), count, text, ids)


def _portions(rows: int, partitions: int) -> Iterator[int]:
    """Whole turns of the partitions, each statement at most `STATEMENT_ROWS`."""
    turns = -(-rows // (STATEMENT_ROWS * partitions))
    for turn in range(turns * partitions):
        yield rows * (turn + 1) // (turns * partitions) - rows * turn // (turns * partitions)
