"""What waiting costs: the CPU of server and database while long polls are parked and nothing happens."""

import asyncio
import resource
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

import msgspec

from loadtests.ceiling import own_client
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import counted
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell
from loadtests.sweep.http_client import KeptConnection, NoAnswer
from loadtests.sweep.processes import TreeMeter

QUEUE = "ceiling-parked"
METRICS_PATH = "/metrics"
POLL_S = 600.0  # how long a poll is ready to wait: longer than any window
PARK_DEADLINE_S = 30.0
LOOK_EVERY_S = 0.05
OPEN_FILES_BESIDE = 200


@dataclass(frozen=True)
class ParkedPolls(OneServer):
    """`polls` clients that wait, evenly over `queues` queues of one partition each.

    The figure is the CPU of server and database together, in percent of one core.
    """

    polls: int
    queues: int

    @property
    def key(self) -> str:
        """For instance `parked-1000-q1@coalesce-w2-p20-idle`."""
        return f"parked-{self.polls}-q{self.queues}@{self.server.label}"

    @property
    def described(self) -> CeilingCell:
        queues = counted(self.queues, "queue")
        return CeilingCell(
            key=self.key,
            group="server",
            kind="parked",
            label=f"{counted(self.polls, 'parked poll')}, {queues}, {counted(self.server.workers, 'worker')}"
            if self.polls
            else f"no parked polls, {counted(self.server.workers, 'worker')}",
            unit="% of a core",
        )

    def missing(self, bench: Bench) -> str | None:
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if allowed < self.polls + OPEN_FILES_BESIDE:
            return f"{allowed} open files are allowed (ulimit -n)"
        return None if bench.postgres else "PostgreSQL's processes are not on this machine, or not ours"

    async def prepare(self, bench: Bench) -> None:
        """Make the queues."""
        names = [self._queue(number) for number in range(self.queues)]
        await bench.servers[self.server].make_partitions(names, ["p0"] * self.queues)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Park, wait for the window's length, and see that nobody was answered."""
        server = bench.servers[self.server]
        assert bench.postgres is not None
        async with AsyncExitStack() as stack:
            asker = _kept(server.url, stack)
            polls = [
                asyncio.create_task(self._poll(_kept(server.url, stack), number))
                for number in range(self.polls)
            ]
            try:
                await _until_parked(asker, self.polls)
                await asyncio.sleep(asked.warmup_s)
                began_s, before = time.perf_counter(), (_cpu_s(server.meter), _cpu_s(bench.postgres))
                await asyncio.sleep(asked.measure_s)
                measured_s = time.perf_counter() - began_s
                after = (_cpu_s(server.meter), _cpu_s(bench.postgres))
                answered = sum(poll.done() for poll in polls)
            finally:
                for poll in polls:
                    poll.cancel()
                ended = await asyncio.gather(*polls, return_exceptions=True)
            await _until_parked(asker, 0)
        server_percent, postgres_percent = (
            100 * (late - early) / measured_s for early, late in zip(before, after, strict=True)
        )
        measured = Measured(
            value=server_percent + postgres_percent,
            measured_s=measured_s,
            messages=0,
            run_messages=0,
            figures={"server_percent": server_percent, "postgres_percent": postgres_percent},
        )
        if answered:
            first = next((f": {end}" for end in ended if isinstance(end, NoAnswer)), "")
            return measured.with_fault(f"{answered} of {self.polls} polls did not stay parked{first}")
        return measured

    async def _poll(self, connection: KeptConnection, number: int) -> bytes:
        queue = self._queue(number % self.queues)
        return await connection.get(f"/api/v1/pop/queue/{queue}?wait=true&timeout={round(1000 * POLL_S)}")

    def _queue(self, number: int) -> str:
        return f"{QUEUE}-{self.queues}-{number}"


class Workers(msgspec.Struct):
    """How many of the workers are in an answer."""

    expected: int
    answered: int


class Metrics(msgspec.Struct, rename="camel"):
    """As much of /metrics as is needed."""

    parked_polls: int
    workers: Workers


async def _until_parked(asker: KeptConnection, polls: int) -> None:
    """Wait until all workers together have exactly that many. Raises TimeoutError."""
    async with asyncio.timeout(PARK_DEADLINE_S):
        while True:
            told = msgspec.json.decode(await asker.get(METRICS_PATH), type=Metrics)
            if told.workers.answered == told.workers.expected and told.parked_polls == polls:
                return
            await asyncio.sleep(LOOK_EVERY_S)


def _kept(url: str, stack: AsyncExitStack) -> KeptConnection:
    connection = KeptConnection(url, timeout_s=POLL_S + own_client.TIMEOUT_S)
    stack.push_async_callback(connection.close)
    return connection


def _cpu_s(meter: TreeMeter) -> float:
    usage = meter.read()
    return usage.cpu_s if usage else 0.0
