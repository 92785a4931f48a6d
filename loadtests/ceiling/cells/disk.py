"""How often the disk below the database makes a WAL page durable: write 8 KiB, fdatasync, again."""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.ceiling.bench import Bench
from loadtests.ceiling.servers import ServerConfig
from loadtests.ceiling.window import Asked, Measured, WindowClock
from loadtests.results import CeilingCell

PAGE_BYTES = 8 * 1024
SEGMENT_BYTES = 16 * 1024 * 1024  # a WAL segment: written once beforehand, as PostgreSQL keeps them


@dataclass(frozen=True)
class Fdatasync:
    """In the file system of the data directory, where that is ours."""

    key = "fdatasync"

    @property
    def described(self) -> CeilingCell:
        return CeilingCell(key=self.key, group="raw", kind="disk", label="fdatasync of 8 KiB", unit="syncs/s")

    @property
    def servers(self) -> Sequence[ServerConfig]:
        return ()

    def missing(self, bench: Bench) -> str | None:
        return None if bench.data else "the data directory is not on this machine, or not ours"

    async def prepare(self, bench: Bench) -> None:
        """Nothing."""

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Write and sync in a thread."""
        assert bench.data is not None
        return await asyncio.to_thread(write_and_sync, bench.data.parent, asked)


def write_and_sync(directory: Path, asked: Asked) -> Measured:
    """Go through a file of a segment's size page by page. Raises OSError."""
    clock = WindowClock(asked)
    page = os.urandom(PAGE_BYTES)
    cpu_s = time.thread_time()
    with tempfile.TemporaryFile(dir=directory) as file:
        descriptor = file.fileno()
        os.write(descriptor, bytes(SEGMENT_BYTES))
        os.fsync(descriptor)
        offset = 0
        while not clock.closed:
            began_s = time.perf_counter()
            os.pwrite(descriptor, page, offset)
            sync_data(descriptor)
            clock.done(1, began_s)
            offset = (offset + PAGE_BYTES) % SEGMENT_BYTES
    return clock.measured(cpu_s=time.thread_time() - cpu_s)


def sync_data(descriptor: int) -> None:
    """The file's content is durable; macOS has no fdatasync."""
    getattr(os, "fdatasync", os.fsync)(descriptor)
