"""The resident memory of a server's workers while another cell loads them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from msgspec import structs

from loadtests.ceiling import statements
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells.http_pop import HttpPop
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.servers import ServerConfig
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell

LOOK_EVERY_S = 0.1
LOAD_SHARE = 0.125  # of the length of a window: more load does not make more memory
ROOM = 2.0  # what is prepared lasts for so many times the load: its warm-up is not shorter
MIB = 1024 * 1024


@dataclass(frozen=True)
class PeakMemory:
    """`load`, and the most that any one worker had resident. Pages shared with others count for each.

    Linux keeps the highest value since a process began; elsewhere it is the highest of ten looks a second.
    """

    load: HttpPush | HttpPop

    @property
    def described(self) -> CeilingCell:
        loaded = self.load.described
        return structs.replace(
            loaded,
            key=f"memory-{loaded.key}",
            kind="memory",
            label=f"resident memory of a worker, {loaded.label}",
            unit="MiB",
        )

    @property
    def servers(self) -> Sequence[ServerConfig]:
        return self.load.servers

    def missing(self, bench: Bench) -> str | None:
        return self.load.missing(bench)

    async def prepare(self, bench: Bench) -> None:
        """Prepare the load, and leave nothing for autovacuum to do in the windows that wait for nothing."""
        await self.load.prepare(replace(bench, load_s=bench.load_s * LOAD_SHARE * ROOM))
        await bench.servers[self.load.server].control.execute(statements.SETTLE)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Load and look; what was pushed is taken away at once, for the same reason."""
        shorter = replace(asked, measure_s=asked.measure_s * LOAD_SHARE)
        server = bench.servers[self.load.server]
        workers = worker_pids(server.pid)
        loading = asyncio.create_task(self.load.measure(bench, shorter))
        peaks = dict.fromkeys(workers, 0)
        try:
            while not loading.done():
                await asyncio.wait((loading,), timeout=LOOK_EVERY_S)
                for pid in workers:
                    peaks[pid] = max(peaks[pid], resident_bytes(pid))
        finally:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
        measured = loading.result()
        await server.empty()
        mib = {f"worker_{place}_mib": peaks[pid] / MIB for place, pid in enumerate(workers, 1)}
        return replace(measured, value=max(mib.values())).with_figures(msg_s=measured.value, **mib)


def worker_pids(pid: int) -> list[int]:
    """The processes that serve: the children of `queen serve`, or itself when it has none."""
    children = [child.pid for child in psutil.Process(pid).children()]
    return sorted(children) or [pid]


def resident_bytes(pid: int) -> int:
    """The highest resident memory so far where the system tells, else that of now; 0: it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0
