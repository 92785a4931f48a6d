"""The server's own pop, asked for directly: claim, read as JSON and commit, over a few connections."""

from dataclasses import dataclass

from loadtests.ceiling import statements
from loadtests.ceiling.account import disagreement
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells.direct import closed_loop
from loadtests.ceiling.cells.reading import QUEUE, DirectReading, group_ids, rewind
from loadtests.ceiling.window import Asked, Measured
from queen.local.open_database import Connection


@dataclass(frozen=True)
class DirectPop(DirectReading):
    """An auto-acknowledged pop of `rows` messages from any partition, as the server sends it."""

    name = "pop-statement"
    statement = "pop statement,"

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Set the cursors back, pop, then see that they have moved by exactly what was read."""
        server = bench.servers[self.server]
        ids = await group_ids(server)
        turns = await rewind(server)
        before = await server.consumed(QUEUE)
        popped = 0

        async def pop(connection: Connection) -> int:
            nonlocal popped
            turn = turns.number(popped)
            rows = await connection.fetch(
                statements.POP, [ids[turn]], [turns.groups[turn]], [None], [self.rows], [1], [None], False
            )
            messages = sum(row["read"] or 0 for row in rows)
            popped += messages
            return messages

        clock, cpu_s = await closed_loop(await bench.direct(server.database, self.connections), pop, asked)
        measured = clock.measured(cpu_s=cpu_s).checked(
            disagreement(await server.consumed(QUEUE) - before, clock.run_messages, cut=0)
        )
        if popped >= turns.capacity:
            return measured.with_fault("every message was read before the end")
        return measured
