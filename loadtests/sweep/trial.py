"""One trial: one configuration, measured once, on fresh tables.

    database → relay → server → pool filled → checkpoint → load, sampled → server drained → audit → all gone

Whatever happens on the way, what was started is stopped and the database is dropped. The files are
gathered in the directory of the load process and move to their place as a whole, trial.json being
written last: a directory below trials/ is a finished trial.

The next load process imports Locust, which takes a second, while this trial is being taken down.
"""

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import Struct

from loadtests import results
from loadtests.ledger.audit import audit
from loadtests.ledger.law import scope_of_order
from loadtests.load.plan import LoadPlan
from loadtests.results import Accounting, Ledger, LoadResult, ResultError, RunFiles, Trial, TrialFiles
from loadtests.runs import validity
from loadtests.sweep import measures, naming
from loadtests.sweep.databases import TrialDatabases, connect, round_trip_ms
from loadtests.sweep.endings import Endings
from loadtests.sweep.load_process import LoadProcess, LoadStage
from loadtests.sweep.priming import fill_pool
from loadtests.sweep.sampling import Look, Sources, sampled
from loadtests.sweep.task import TrialTask, load_plan, server_settings
from queen.database_failures import DRIVER_FAILURES, one_line
from queen.local.database import Database
from queen.local.open_database import close
from queen.local.process import ChildFailed
from queen.local.relay_process import RelayProcess
from queen.local.server import QueenServer

FAILURES = (ChildFailed, ResultError, ConnectionError, TimeoutError, *DRIVER_FAILURES)


class TrialFailed(Exception):
    """A process of the trial failed, or its files or its table could not be read. One line.

    `directory` holds the logs.
    """

    def __init__(self, text: str, directory: Path) -> None:
        super().__init__(text)
        self.directory = directory


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all trials of a run share."""

    run: RunFiles
    database: Database  # of maintenance
    databases: TrialDatabases
    stage: LoadStage
    postgres_pid: int | None
    settings: dict[str, str]  # further variables of the server
    ceilings_msg_s: dict[str, float]


class Measured(Struct, frozen=True, kw_only=True):
    """What the load and the sampler brought in."""

    load: LoadResult
    looks: list[Look]
    rtt_ms: float
    pool_filled: bool
    crashed: tuple[str, ...]


async def run_trial(task: TrialTask, bench: Bench) -> Trial:
    """Run it and store it; returns what is in trial.json.

    Raises `TrialFailed` when it came to nothing but another may do better, `UserError` when there is
    no database to be had, OSError when the files cannot be written.
    """
    generator = await bench.stage.take()
    try:
        name = naming.database_name(bench.run.root.name, task.order)
        commit = task.cell.synchronous_commit
        async with bench.databases.fresh(name, synchronous_commit=commit) as database:
            measured = await _measure(task, bench, database, generator)
            accounting = await _audit(task, database, generator.directory)
    except FAILURES as error:
        raise TrialFailed(f"{task.trial_id}: {one_line(error)}", generator.directory) from error
    finally:
        await generator.stop()
    ceiling_msg_s = bench.ceilings_msg_s.get(task.cell.ceiling_key)
    trial = _trial(task, measured, accounting, ceiling_msg_s)
    _store(trial, measured, generator.directory, bench.run)
    return trial


async def _measure(task: TrialTask, bench: Bench, database: Database, generator: LoadProcess) -> Measured:
    files = TrialFiles(generator.directory)
    endings = Endings()
    async with AsyncExitStack() as stack:
        relay = None
        reached = database
        if task.cell.db_rtt_ms > 0:
            relay = await stack.enter_async_context(
                RelayProcess.start(
                    host=database.host,
                    port=database.port,
                    rtt_ms=task.cell.db_rtt_ms,
                    log=generator.directory / "relay.log",
                )
            )
            stack.callback(endings.relay_before_stop, relay.pid)  # comes after the server's stop
            reached = replace(database, host=relay.host, port=relay.port)
        settings = server_settings(task.cell, reached, bench.settings)
        server = await stack.enter_async_context(QueenServer.start(settings, log=files.server_log))
        rtt_ms = await round_trip_ms(reached)
        pool_filled = await fill_pool(server.url, settings.db_pool_size)
        await bench.databases.checkpoint()
        activity = await connect(bench.database)
        stack.push_async_callback(close, activity)
        sources = Sources(
            server_url=server.url,
            database=database.name,
            activity=activity,
            server_pid=server.pid,
            generator_pid=generator.pid,
            postgres_pid=bench.postgres_pid,
            relay_pid=relay.pid if relay else None,
            own_pid=os.getpid(),
        )
        plan = load_plan(task, server.url, generator.directory)
        looks = await _load(generator, plan, sources)
        if task.followed:
            await bench.stage.prepare()
        endings.server_before_stop(server.child)
    endings.server_stopped(server.child)
    load = results.read(files.load, LoadResult)
    return Measured(
        load=load,
        looks=looks,
        rtt_ms=rtt_ms,
        pool_filled=pool_filled,
        crashed=tuple(endings.remarks),
    )


async def _load(generator: LoadProcess, plan: LoadPlan, sources: Sources) -> list[Look]:
    """Let the generator work, sampling all the while."""
    async with sampled(sources) as looks:
        try:
            await generator.carry_out(plan)
        except BaseException:
            await generator.stop()  # before the server, which would else drain under full load
            raise
    return looks


async def _audit(task: TrialTask, database: Database, directory: Path) -> Accounting:
    """Compare table and ledger; the server has drained and stopped, so nothing arrives any more."""
    ledger = results.read(TrialFiles(directory).ledger, Ledger)
    connection = await connect(database)
    try:
        return await audit(connection, ledger, order_scope=scope_of_order(task.cell))
    finally:
        await close(connection)


def _trial(task: TrialTask, measured: Measured, accounting: Accounting, ceiling_msg_s: float | None) -> Trial:
    window = measures.window_of(measured.load)
    machine = measures.machine_use(measured.looks, window, db_rtt_measured_ms=measured.rtt_ms)
    remarks = validity.remarks(
        task.cell,
        measured.load,
        accounting=accounting,
        machine=machine,
        ceiling_msg_s=ceiling_msg_s,
        pool_filled=measured.pool_filled,
        crashed=measured.crashed,
    )
    return Trial(
        trial_id=task.trial_id,
        part=task.part,
        block=task.block,
        order=task.order,
        attempt=task.attempt,
        cell=task.cell,
        started_at=measured.load.started_at,
        load=measured.load,
        accounting=accounting,
        pool=measures.pool_use(measured.looks, window),
        machine=machine,
        remarks=remarks,
    )


def _store(trial: Trial, measured: Measured, directory: Path, run: RunFiles) -> None:
    window = measures.window_of(measured.load)
    files = TrialFiles(directory)
    results.write_samples(files.samples, measures.samples(measured.looks, window))
    results.write(files.trial, trial)
    run.trials.mkdir(exist_ok=True)
    directory.rename(run.trial(trial.trial_id).root)
