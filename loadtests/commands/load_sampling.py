"""Samples of a headless load on a server of ours: the sweep's sampler, for one run."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from loadtests import results
from loadtests.commands.load_audit import only_trial
from loadtests.results import RunFiles, Trial
from loadtests.sweep import measures, sampling
from loadtests.sweep.databases import connect
from loadtests.sweep.sampling import Look, Sources
from queen.local.database import Database


@asynccontextmanager
async def sampled(
    *, server_url: str, database: Database, server_pid: int, generator_pid: int, postgres_pid: int | None
) -> AsyncIterator[list[Look]]:
    """Look ten times a second while the block runs; yields the looks, which grow meanwhile."""
    connection = await connect(database)
    try:
        sources = Sources(
            server_url=server_url,
            database=database.name,
            activity=connection,
            server_pid=server_pid,
            generator_pid=generator_pid,
            postgres_pid=postgres_pid,
            own_pid=os.getpid(),
        )
        async with sampling.sampled(sources) as looks:
            yield looks
    finally:
        await connection.close()


def store(run: RunFiles, looks: list[Look]) -> None:
    """Write samples.csv, and the use of pool and machine into trial.json."""
    files = only_trial(run)
    trial = results.read(files.trial, Trial)
    window = measures.window_of(trial.load)
    results.write_samples(files.samples, measures.samples(looks, window))
    machine = measures.machine_use(looks, window, db_rtt_measured_ms=None)
    results.write(files.trial, replace(trial, pool=measures.pool_use(looks, window), machine=machine))
