"""The messages that are read: put into a table once, and read again and again by groups that take turns.

The cursors are set back before each window. A window that has read everything goes on with the next group,
from the front: so the rows are the same at any rate, and the table stays small.
"""

import math
import random
from dataclasses import dataclass
from typing import ClassVar

from loadtests.ceiling import statements
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import PARTITIONS, PAYLOAD_BYTES, counted
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.push_body import payload
from loadtests.ceiling.servers import RunningServer
from loadtests.results import CeilingCell

QUEUE = "ceiling-read"
GROUPS = tuple(f"reader{number}" for number in range(16))
FILLED_MSG_S = 200_000  # what one group has for a window; all of them have sixteen times as much


@dataclass(frozen=True)
class Turns:
    """Groups in the order in which they read, each of them all of the `messages`."""

    messages: int
    groups: tuple[str, ...]

    def number(self, messages: int) -> int:
        """Whose turn it is, from 0, when that many messages were read; the last one's never ends."""
        return min(messages // self.messages, len(self.groups) - 1)

    @property
    def capacity(self) -> int:
        """The messages that all groups together can read."""
        return self.messages * len(self.groups)


@dataclass(frozen=True)
class DirectReading(OneServer):
    """What cells have in common that ask the database of `server` for `rows` messages at a time."""

    name: ClassVar[str]  # in the key
    statement: ClassVar[str]  # in the label

    rows: int
    connections: int = 4

    @property
    def key(self) -> str:
        """For instance `read-100-c4`."""
        return f"{self.name}-{self.rows}-c{self.connections}"

    @property
    def described(self) -> CeilingCell:
        return CeilingCell(
            key=self.key,
            group="raw",
            kind="read",
            label=f"{self.statement} {self.rows} rows, {counted(self.connections, 'connection')}",
        )

    async def prepare(self, bench: Bench) -> None:
        """At least one read of every partition; cells that pop over HTTP fill further."""
        await fill(bench.servers[self.server], self.rows * PARTITIONS)


async def fill(server: RunningServer, messages: int) -> None:
    """See that the queue holds that many messages, evenly over its partitions, and that the groups exist."""
    await server.partitions(QUEUE, PARTITIONS)
    short = messages - await server.stored(QUEUE)
    if short > 0:
        text = payload(PAYLOAD_BYTES, 0, random.Random(0))
        await server.control.execute(statements.FILL, QUEUE, math.ceil(short / PARTITIONS), text)
    await group_ids(server)


async def group_ids(server: RunningServer) -> list[int]:
    """The ids of `GROUPS`, which are registered when they are missing."""
    return [await server.control.fetchval(statements.REGISTER, QUEUE, group) for group in GROUPS]


async def rewind(server: RunningServer) -> Turns:
    """Set all cursors back; nothing may read meanwhile."""
    await server.control.execute(statements.REWIND, QUEUE)
    return Turns(await server.stored(QUEUE), GROUPS)
