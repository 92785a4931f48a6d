"""Samples of a load on a server of ours: the sweep's sampler, for one run, which may be a long one."""

import asyncio
import os
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from loadtests import results
from loadtests.commands.load_audit import only_trial
from loadtests.commands.load_target import RestartableServer
from loadtests.results import RunFiles, Trial
from loadtests.sweep import measures, sampling
from loadtests.sweep.databases import connect
from loadtests.sweep.sampling import Look, Sources
from queen.local.open_database import close

FULL_S = 600.0  # so much of the past is kept as it was seen; of what is older one look a second
THIN_S = 0.95  # between two looks that are kept of it
THINNING_S = 30.0


@asynccontextmanager
async def sampled(server: RestartableServer, generator_pid: int) -> AsyncIterator[list[Look]]:
    """Look ten times a second while the block runs; yields the looks, which grow meanwhile.

    After ten minutes those that are older are thinned to one a second: what they count is cumulative.
    """
    connection = await connect(server.database)
    try:
        sources = Sources(
            server_url=server.url,
            database=server.database.name,
            activity=connection,
            server_pid=server.pid,
            generator_pid=generator_pid,
            postgres_pid=server.postgres_pid,
            own_pid=os.getpid(),
            token=server.token,
        )
        async with sampling.sampled(sources) as looks:
            thinning = asyncio.create_task(_thin_for_ever(looks))
            try:
                yield looks
            finally:
                thinning.cancel()
                await asyncio.wait([thinning])
    finally:
        await close(connection)


def thin(looks: list[Look], done: int) -> int:
    """Thin the looks older than `FULL_S`, in place, from index `done`; the index up to which it is done.

    Of looks that tell of PostgreSQL's processes, as every other does, one that tells is kept.
    """
    if not looks:
        return done
    end = bisect_left(looks, looks[-1].at_s - FULL_S, lo=done, key=lambda look: look.at_s)
    telling = any(look.postgres is not None for look in looks[done:end])
    kept: list[Look] = []
    for look in looks[done:end]:
        late_enough = not kept or look.at_s - kept[-1].at_s >= THIN_S
        if late_enough and (look.postgres is not None or not telling):
            kept.append(look)
    looks[done:end] = kept
    return done + len(kept)


async def _thin_for_ever(looks: list[Look]) -> None:
    done = 0
    while True:
        await asyncio.sleep(THINNING_S)
        done = thin(looks, done)


def store(run: RunFiles, looks: list[Look]) -> None:
    """Write samples.csv, and the use of pool and machine into trial.json."""
    files = only_trial(run)
    trial = results.read(files.trial, Trial)
    windows = measures.windows_of(trial)
    results.write_samples(files.samples, measures.samples(looks, windows[0]))
    machine = measures.machine_use(looks, *windows, db_rtt_measured_ms=None)
    results.write(files.trial, replace(trial, pool=measures.pool_use(looks, *windows), machine=machine))
