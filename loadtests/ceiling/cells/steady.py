"""Pushes and pops at once for as long as autovacuum and checkpoints need to come by, step by step."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from loadtests.ceiling import own_client
from loadtests.ceiling.account import disagreement, settled
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells.http_pop import pops
from loadtests.ceiling.cells.http_push import QUEUE, HttpPush
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.servers import RunningServer
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell, CeilingCourse
from loadtests.sweep.http_client import KeptConnection

STEP_S = 5.0
LEAST_STEPS = 4  # of a short window
POP_PATH = f"/api/v1/pop/queue/{QUEUE}?autoAck=true&wait=true&timeout=1000&batch="
BEGIN_DEADLINE_S = 30.0
LOOK_EVERY_S = 0.01
PUSHES, POPS = "pushes", "pops"


class Sight(NamedTuple):
    """What the table says at an instant (`time.perf_counter`)."""

    at_s: float
    stored: int
    consumed: int


@dataclass(frozen=True)
class Steady(OneServer):
    """`connections` clients push and as many pop, `batch` messages a request, from fresh tables on.

    The rates of the steps are the table's, which is asked at each edge; the figure is the rate of pushes.
    """

    batch: int
    connections: int

    @property
    def key(self) -> str:
        """For instance `steady-b100-c64@coalesce-w2-p20`."""
        return f"steady-b{self.batch}-c{self.connections}@{self.server.label}"

    @property
    def described(self) -> CeilingCell:
        return CeilingCell(
            key=self.key,
            group="server",
            label=f"push ×{self.batch} and pop at once, {self.connections} clients each, {self.server.label}",
        )

    async def prepare(self, bench: Bench) -> None:
        """Make the partitions and register the group."""
        await self._push.prepare(bench)
        client = KeptConnection(bench.servers[self.server].url, timeout_s=own_client.TIMEOUT_S)
        try:
            await client.get(f"{POP_PATH}1")
        finally:
            await client.close()

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Push, pop and look; the table must hold, and the group must have taken, what was answered."""
        server = bench.servers[self.server]
        before = await _look(server)
        path = f"{POP_PATH}{self.batch}"
        try:
            async with asyncio.TaskGroup() as group:
                pushing = group.create_task(self._push.load(bench, asked))
                popping = group.create_task(pops(server.url, path, self.connections, bench, asked))
                watching = group.create_task(_watch(server, before, asked))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        pushed, popped, sights = pushing.result(), popping.result(), watching.result()
        cut = self.connections * self.batch
        consumed = await settled(partial(server.consumed, QUEUE), server.busy_s) - before.consumed
        stored = await server.stored(QUEUE) - before.stored
        measured = pushed.checked(disagreement(stored, pushed.run_messages, cut=cut)).checked(
            disagreement(consumed, popped.run_messages, cut=cut)
        )
        for fault in popped.faults:
            measured = measured.with_fault(f"pops: {fault}")
        return _with_steps(measured, popped, sights)

    @property
    def _push(self) -> HttpPush:
        return HttpPush(self.server, self.batch, self.connections)


async def _look(server: RunningServer) -> Sight:
    stored, consumed = await server.stored(QUEUE), await server.consumed(QUEUE)
    return Sight(time.perf_counter(), stored, consumed)


async def _watch(server: RunningServer, before: Sight, asked: Asked) -> list[Sight]:
    """Look at every edge of a step, from the end of the warm-up on. Raises TimeoutError: nothing comes."""
    async with asyncio.timeout(BEGIN_DEADLINE_S):
        while True:
            if await server.stored(QUEUE) > before.stored:
                break
            await asyncio.sleep(LOOK_EVERY_S)
    step_s = min(STEP_S, asked.measure_s / LEAST_STEPS)
    begin_s = time.perf_counter() + asked.warmup_s
    sights = []
    for step in range(int(asked.measure_s / step_s + 1e-9) + 1):
        await asyncio.sleep(begin_s + step * step_s - time.perf_counter())
        sights.append(await _look(server))
    return sights


def _with_steps(pushed: Measured, popped: Measured, sights: Sequence[Sight]) -> Measured:
    """The pushes' figures, and of both the rate of each step and the slowest one over the median one."""
    steps = list(pairwise(sights))
    rates = {
        PUSHES: [(after.stored - first.stored) / (after.at_s - first.at_s) for first, after in steps],
        POPS: [(after.consumed - first.consumed) / (after.at_s - first.at_s) for first, after in steps],
    }
    step_s = (sights[-1].at_s - sights[0].at_s) / len(steps)
    slowest = {f"slowest_{name}": slowest_to_median(values) for name, values in rates.items()}
    courses = tuple(
        CeilingCourse(name=name, step_s=step_s, values=tuple(values)) for name, values in rates.items()
    )
    measured = pushed.with_figures(pop_msg_s=popped.value, pop_p99_ms=popped.p99_ms or 0.0, **slowest)
    return replace(measured, courses=courses)


def slowest_to_median(rates: Sequence[float]) -> float:
    """The slowest step over the median one; 0 when at least half of the steps stood still."""
    middle = median(rates)
    return min(rates) / middle if middle else 0.0
