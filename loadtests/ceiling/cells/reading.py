"""The messages that are read: put into a table once, and read again and again by groups that take turns.

The cursors are set back before each window. A window that has read everything goes on with the next group,
from the front: so the rows are the same at any rate, and the table stays small.
"""

import math
import random
from dataclasses import dataclass

from loadtests.ceiling import statements
from loadtests.ceiling.cells import PARTITIONS, PAYLOAD_BYTES
from loadtests.ceiling.push_body import payload
from loadtests.ceiling.servers import RunningServer

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
