"""Pops of one client on a queue with idle partitions: what finding the one that has something costs."""

import math
import random
from dataclasses import dataclass, replace
from functools import partial

from loadtests.ceiling import own_client, statements
from loadtests.ceiling.account import disagreement, settled
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import PAYLOAD_BYTES
from loadtests.ceiling.cells.http_pop import pops
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.push_body import payload
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell
from loadtests.sweep.http_client import KeptConnection

QUEUE = "ceiling-idle"
POP_PATH = f"/api/v1/pop/queue/{QUEUE}?batch=1&autoAck=true&wait=false"
FASTEST_POPS_S = 10_000  # by one client, one after the other: a window never reads more than this


@dataclass(frozen=True)
class IdlePop(OneServer):
    """One client pops message after message from the one partition that has any; `idle` others have none.

    `empty`: not even that one has, and every pop says so. The figure is the median of the latency.
    """

    idle: int
    empty: bool = False

    @property
    def key(self) -> str:
        """For instance `pop-idle-100@coalesce-w1-p4-few`."""
        return f"pop-idle-{self.idle}{'-empty' * self.empty}@{self.server.label}"

    @property
    def described(self) -> CeilingCell:
        what = "empty pop" if self.empty else "pop ×1"
        return CeilingCell(
            key=self.key,
            group="server",
            kind="pop",
            label=f"{what}, 1 client, {self.idle:,} idle partitions, p50",
            unit="ms",
        )

    async def prepare(self, bench: Bench) -> None:
        """Fill one partition, make the idle ones, register the group: once for each server."""
        server = bench.servers[self.server]
        if await server.stored(QUEUE):
            return
        await server.partitions(QUEUE, 1)
        text = payload(PAYLOAD_BYTES, 0, random.Random(0))
        await server.control.execute(statements.FILL, QUEUE, math.ceil(FASTEST_POPS_S * bench.load_s), text)
        names = [f"idle{number}" for number in range(self.idle)]
        await server.make_partitions([QUEUE] * self.idle, names)
        client = KeptConnection(server.url, timeout_s=own_client.TIMEOUT_S)
        try:
            await client.get(POP_PATH)
        finally:
            await client.close()
        await server.control.execute(statements.SETTLE)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Set the cursor back (or to the end), pop, then see that it has moved as far as was answered."""
        server = bench.servers[self.server]
        await server.control.execute(statements.FINISH if self.empty else statements.REWIND, QUEUE)
        before = await server.consumed(QUEUE)
        measured = await pops(server.url, POP_PATH, 1, bench, asked)
        consumed = await settled(partial(server.consumed, QUEUE), server.busy_s) - before
        checked = replace(measured, value=measured.p50_ms or 0.0).checked(
            disagreement(consumed, measured.run_messages, cut=0 if self.empty else 1)
        )
        empty = round((measured.figures or {}).get("empty_answers", 0))
        if not self.empty and empty:
            return checked.with_fault(f"{empty} pops found nothing")
        if self.empty and measured.run_messages:
            return checked.with_fault(f"{measured.run_messages} pops found something")
        return checked
