"""A few clients of a small pool: with several workers it is chance who comes to whom, and to whose share."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
from msgspec import structs

from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.cells.peak_memory import worker_pids
from loadtests.ceiling.servers import ServerConfig
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell


@dataclass(frozen=True)
class FewClients:
    """`load`, and how its connections fell to the workers: new ones in each window, so each round is a draw.

    A worker has its share of the pool however many connections come to it. The figure `busiest_percent` is
    how many of them the busiest has.
    """

    load: HttpPush

    @property
    def key(self) -> str:
        """For instance `few-push-b100-c8@batch-w2-p4`."""
        return f"few-{self.load.key}"

    @property
    def described(self) -> CeilingCell:
        return structs.replace(self.load.described, key=self.key)

    @property
    def servers(self) -> Sequence[ServerConfig]:
        return self.load.servers

    def missing(self, bench: Bench) -> str | None:
        return None if bench.wrk else "wrk is not installed, and other generators open connections anew"

    async def prepare(self, bench: Bench) -> None:
        """Prepare the load."""
        await self.load.prepare(bench)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Load, and look at the workers' sockets in the middle of the window."""
        server = bench.servers[self.load.server]
        loading = asyncio.create_task(self.load.measure(bench, asked))
        try:
            await asyncio.wait((loading,), timeout=asked.warmup_s + asked.measure_s / 2)
            found = connections(worker_pids(server.pid), urlsplit(server.url).port)
        finally:
            if not loading.done():
                await asyncio.wait((loading,))
        return with_shares(loading.result(), found, self.load.connections)


def with_shares(measured: Measured, found: Sequence[int], clients: int) -> Measured:
    """The same with how many connections each worker had; all of the clients' must have been seen."""
    if sum(found) != clients:
        return measured.with_fault(f"{sum(found)} of {clients} connections were seen at the workers")
    each = {f"worker_{place}_connections": float(count) for place, count in enumerate(found, 1)}
    return measured.with_figures(busiest_percent=100 * max(found) / clients, **each)


def connections(pids: Sequence[int], port: int | None) -> list[int]:
    """How many clients of that port each process has."""
    return [
        sum(
            socket.status == psutil.CONN_ESTABLISHED and socket.laddr.port == port
            for socket in psutil.Process(pid).net_connections("tcp")
        )
        for pid in pids
    ]
