"""A bare commit: the shortest time in which anything at all can be made durable here."""

from dataclasses import dataclass, replace

from loadtests.ceiling import statements
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells.direct import closed_loop
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell
from queen.local.open_database import Connection


@dataclass(frozen=True)
class Commit(OneServer):
    """One connection, one tiny transaction after the other; the figure is the p99 of its latency."""

    key = "commit"

    @property
    def described(self) -> CeilingCell:
        return CeilingCell(
            key=self.key, group="raw", kind="commit", label="bare commit, 1 connection, p99", unit="ms"
        )

    async def prepare(self, bench: Bench) -> None:
        """Nothing."""

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Commit until the window is closed."""
        database = bench.servers[self.server].database

        async def commit(connection: Connection) -> int:
            await connection.fetchval(statements.COMMIT)
            return 1

        clock, cpu_s = await closed_loop(await bench.direct(database, 1), commit, asked)
        measured = clock.measured(cpu_s=cpu_s)
        return replace(measured, value=measured.p99_ms or 0.0, figures={"commits_s": measured.value})
