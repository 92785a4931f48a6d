"""Pushes over HTTP in a closed loop: each request carries one batch for one of ten partitions."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.ceiling.bench import Bench
from loadtests.ceiling.push_body import push_template
from loadtests.ceiling.servers import RunningServer, ServerConfig
from loadtests.ceiling.window import Asked, Measured
from loadtests.ceiling.wrk import WrkResult, WrkRun
from loadtests.results import CeilingCell

QUEUE = "ceiling"
PARTITIONS = 10
PAYLOAD_BYTES = 300
SETTLED_S = 0.03  # without a new message: what was cut off has arrived
SETTLE_DEADLINE_S = 30.0


@dataclass(frozen=True)
class HttpPush:
    """`connections` clients of `server`, each pushing `batch` messages a request."""

    server: ServerConfig
    batch: int
    connections: int

    @property
    def key(self) -> str:
        """For instance `push-b100-c64@coalesce-w2-p20`."""
        return f"push-b{self.batch}-c{self.connections}@{self.server.label}"

    @property
    def described(self) -> CeilingCell:
        return CeilingCell(
            key=self.key,
            group="server",
            label=f"push, batch {self.batch}, {self.connections} clients, {self.server.label}",
        )

    @property
    def servers(self) -> Sequence[ServerConfig]:
        return (self.server,)

    async def prepare(self, bench: Bench) -> None:
        """Render the bodies, make the partitions."""
        template = push_template(QUEUE, self.batch, PAYLOAD_BYTES, seed=self.batch)
        bench.staging.joinpath(f"push-{self.batch}.txt").write_text(template)
        await bench.servers[self.server].partitions(QUEUE, PARTITIONS)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Push by wrk, then see that the table holds what was answered."""
        server = bench.servers[self.server]
        assert bench.wrk is not None
        before = await server.stored(QUEUE)
        result = await WrkRun(
            program=bench.wrk,
            script="push.lua",
            url=server.url,
            connections=self.connections,
            options={
                "template": str(bench.staging / f"push-{self.batch}.txt"),
                "partitions": str(PARTITIONS),
                "tag": asked.tag,
            },
            log=bench.staging / "wrk.log",
        ).carry_out(asked)
        stored = await settled(server, QUEUE) - before
        unaccounted = account(stored, result.answers * self.batch, cut=self.connections * self.batch)
        return self._measured(result, unaccounted)

    def _measured(self, result: WrkResult, unaccounted: str | None) -> Measured:
        messages = result.window_answers * self.batch
        return Measured(
            value=messages / result.window_s if result.window_s else 0.0,
            measured_s=result.window_s,
            messages=messages,
            run_messages=result.answers * self.batch,
            p50_ms=result.p50_us / 1000,
            p99_ms=result.p99_us / 1000,
            generator_cpu_s=result.cpu_s,
            faults=(*result.faults, *((unaccounted,) if unaccounted else ())),
            unaccounted=unaccounted is not None,
        )


def account(stored: int, answered: int, *, cut: int) -> str | None:
    """What is wrong, if anything: what is stored is what was answered, and at most `cut` messages more."""
    if answered <= stored <= answered + cut:
        return None
    return f"{answered} messages were answered, {stored} are stored (at most {cut} were cut off)"


async def settled(server: RunningServer, queue: str) -> int:
    """Messages that were ever stored in the queue, once no more arrive. Raises TimeoutError."""
    deadline_s = time.perf_counter() + SETTLE_DEADLINE_S
    seen = await server.stored(queue)
    while time.perf_counter() < deadline_s:
        await asyncio.sleep(SETTLED_S)
        now = await server.stored(queue)
        if now == seen:
            return now
        seen = now
    raise TimeoutError(f"messages still arrived {SETTLE_DEADLINE_S:g} s after the load had ended")
