"""The bare HTTP of our server: an answer that asks neither the queue nor the database."""

from dataclasses import dataclass

from loadtests.ceiling import own_client
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import counted
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.window import Asked, Measured
from loadtests.ceiling.wrk import WrkRun
from loadtests.results import CeilingCell
from loadtests.sweep.http_client import KeptConnection

PATH = "/livez"


@dataclass(frozen=True)
class HttpGet(OneServer):
    """`connections` clients that ask GET /livez."""

    connections: int

    @property
    def key(self) -> str:
        """For instance `livez-c64@coalesce-w2-p20`."""
        return f"livez-c{self.connections}@{self.server.label}"

    @property
    def described(self) -> CeilingCell:
        clients = counted(self.connections, "client")
        return CeilingCell(
            key=self.key,
            group="raw",
            kind="HTTP",
            label=f"GET {PATH}, {clients}, {counted(self.server.workers, 'worker')}",
            unit="answers/s",
        )

    async def prepare(self, bench: Bench) -> None:
        """Nothing."""

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Ask."""
        url = bench.servers[self.server].url
        if bench.wrk is None:
            return await own_client.closed_loop(url, self.connections, livez, asked)
        run = WrkRun(
            program=bench.wrk,
            script="get.lua",
            url=url,
            connections=self.connections,
            options={"path": PATH},
            log=bench.staging / "wrk.log",
        )
        return (await run.carry_out(asked)).measured(each=1)


async def livez(connection: KeptConnection) -> int:
    """One answer."""
    await connection.get(PATH)
    return 1
