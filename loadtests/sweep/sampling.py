"""Ten looks a second at everything that is measured beside the load, on the sweep's own event loop.

It holds no snapshot and no lock: a snapshot held open halves the rate of one-row pushes. A look that
takes longer than its turn costs the turns it covers; they are left out, not caught up. What a source
cannot tell at the moment is None, and the sampling goes on.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import msgspec

from loadtests.sweep import pool_gauges
from loadtests.sweep.activity import Activity, read_activity
from loadtests.sweep.http_client import KeptConnection, NoAnswer
from loadtests.sweep.pool_gauges import POOL_PATH, PoolReading
from loadtests.sweep.proc_tree import Usage
from loadtests.sweep.processes import ProcessMeter, TreeMeter, machine_busy_s
from queen.local.open_database import Connection

PERIOD_S = 0.1
TREE_EVERY = 2  # looks: PostgreSQL's processes are looked at five times a second
POOL_TIMEOUT_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where to look. A pid that is None is not ours to look at."""

    server_url: str
    database: str
    activity: Connection  # not to the trial's database, and used by the sampler alone
    server_pid: int
    generator_pid: int
    postgres_pid: int | None = None
    relay_pid: int | None = None
    own_pid: int
    token: str = field(default="", repr=False)  # the bearer token of the server; empty: it asks for none


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look, which was over at `at_s` on the monotonic clock."""

    at_s: float
    pool: PoolReading | None
    pool_at_s: float  # when its counters said so: halfway between question and answer
    activity: Activity | None
    server: Usage | None
    generator: Usage | None
    relay: Usage | None
    postgres: Usage | None  # None also between two looks at the tree
    own_cpu_s: float
    machine_busy_s: float


@asynccontextmanager
async def sampled(sources: Sources) -> AsyncIterator[list[Look]]:
    """Sample while the block runs; yields the looks, which grow meanwhile.

    At the end of the block raises what has ended the sampling, which never ends by itself.
    """
    sampler = Sampler(sources)
    sampling = asyncio.create_task(sampler.run())
    try:
        yield sampler.looks
    finally:
        sampling.cancel()
        await asyncio.wait([sampling])
        await sampler.close()
    if not sampling.cancelled():
        sampling.result()


class Sampler:
    """Collects `looks` while `run` runs."""

    def __init__(self, sources: Sources) -> None:
        self.looks: list[Look] = []
        self._sources = sources
        self._connection = KeptConnection(sources.server_url, timeout_s=POOL_TIMEOUT_S, token=sources.token)
        self._server = TreeMeter(sources.server_pid)  # its workers are its children
        self._generator = ProcessMeter(sources.generator_pid)
        self._own = ProcessMeter(sources.own_pid)
        self._relay = ProcessMeter(sources.relay_pid) if sources.relay_pid else None
        self._postgres = TreeMeter(sources.postgres_pid) if sources.postgres_pid else None

    async def run(self) -> None:
        """Look until cancelled; the caller owns the task."""
        due_s = time.perf_counter()
        turn = 0
        while True:
            self.looks.append(await self.look(with_tree=turn % TREE_EVERY == 0))
            behind = max(0, int((time.perf_counter() - due_s) / PERIOD_S))
            due_s += PERIOD_S * (behind + 1)
            turn += 1
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))

    async def close(self) -> None:
        """Close its connection to the server."""
        await self._connection.close()

    async def look(self, *, with_tree: bool) -> Look:
        """Look once, at everything."""
        async with asyncio.TaskGroup() as group:
            pool = group.create_task(self._read_pool())
            activity = group.create_task(read_activity(self._sources.activity, self._sources.database))
        own = self._own.read()
        reading, pool_at_s = pool.result()
        return Look(
            at_s=time.perf_counter(),
            pool=reading,
            pool_at_s=pool_at_s,
            activity=activity.result(),
            server=self._server.read(),
            generator=self._generator.read(),
            relay=self._relay.read() if self._relay else None,
            postgres=self._postgres.read() if self._postgres and with_tree else None,
            own_cpu_s=own.cpu_s if own else 0.0,
            machine_busy_s=machine_busy_s(),
        )

    async def _read_pool(self) -> tuple[PoolReading | None, float]:
        """The gauges, if they can be had, and when that was: the server may be slow to tell them."""
        asked_s, reading = time.perf_counter(), None
        with suppress(NoAnswer, msgspec.MsgspecError):
            told = pool_gauges.decode(await self._connection.get(POOL_PATH))
            reading = told if told.complete else None
        return reading, (asked_s + time.perf_counter()) / 2
