"""The server's own pop, asked for directly: claim, read as JSON and commit, over a few connections."""

from dataclasses import dataclass

from loadtests.ceiling import statements
from loadtests.ceiling.account import disagreement
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import PARTITIONS, counted
from loadtests.ceiling.cells.direct import closed_loop
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.cells.reading import QUEUE, fill, group_ids, rewind
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell
from queen.local.open_database import Connection


@dataclass(frozen=True)
class DirectPop(OneServer):
    """An auto-acknowledged pop of `rows` messages from any partition, as the server sends it."""

    rows: int
    connections: int = 4

    @property
    def key(self) -> str:
        """For instance `pop-statement-100-c4`."""
        return f"pop-statement-{self.rows}-c{self.connections}"

    @property
    def described(self) -> CeilingCell:
        return CeilingCell(
            key=self.key,
            group="raw",
            kind="read",
            label=f"pop statement, {self.rows} rows, {counted(self.connections, 'connection')}",
        )

    async def prepare(self, bench: Bench) -> None:
        """At least one pop of every partition; cells that pop over HTTP fill further."""
        await fill(bench.servers[self.server], self.rows * PARTITIONS)

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
