"""What a pop reads, asked for directly: the next messages of a partition, over a few connections."""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

from loadtests.ceiling import statements
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import PARTITIONS
from loadtests.ceiling.cells.direct import closed_loop
from loadtests.ceiling.cells.reading import QUEUE, DirectReading
from loadtests.ceiling.window import Asked, Measured
from queen.local.open_database import Connection


class Place(NamedTuple):
    """Where the next read begins: behind this position of this partition."""

    partition: int
    position: int


@dataclass(frozen=True)
class DirectRead(DirectReading):
    """`rows` a read over `connections` connections, from the tables of `server`: those that its pops read."""

    name = "read"
    statement = "bare SELECT of"

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Read on and on, partition by partition, from the front again behind the last message."""
        server = bench.servers[self.server]
        partitions = await server.partitions(QUEUE, PARTITIONS)
        depth = await server.stored(QUEUE) // PARTITIONS // self.rows * self.rows
        places = itertools.cycle(
            Place(partition, position) for position in range(0, depth, self.rows) for partition in partitions
        )
        reads = iter(places)

        async def read(connection: Connection) -> int:
            place = next(reads)
            return len(
                await connection.fetch(
                    statements.READ, place.partition, place.position, place.position + self.rows
                )
            )

        connections = await bench.direct(server.database, self.connections)
        clock, cpu_s = await closed_loop(connections, read, asked)
        return clock.measured(cpu_s=cpu_s)
