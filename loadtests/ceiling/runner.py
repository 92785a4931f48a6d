"""Runs the rounds: servers up, every cell once in each round, each window kept, all down again.

However it ends - done, failed, interrupted - no process and no database is left, and what was finished is
in the run's files.
"""

import itertools
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.ceiling import servers
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.part import Cell, Part
from loadtests.ceiling.record import CeilingRecord
from loadtests.ceiling.schedule import orders
from loadtests.ceiling.servers import RunningServer, ServerConfig
from loadtests.ceiling.window import FAILURES, Asked, Measured
from loadtests.results import Ceilings, CeilingWindow, RunFiles
from loadtests.sweep.databases import TrialDatabases
from loadtests.sweep.processes import TreeMeter
from loadtests.sweep.progress import Progress
from loadtests.sweep.record import now
from loadtests.sweep.runner import require_space
from queen.database_failures import one_line
from queen.errors import UserError
from queen.local.open_database import OpenDatabase, asking, open_database, room_for

DIRECT_CONNECTIONS = 32  # beside the servers': those of the direct cells
REHEARSAL_S = 0.2  # a window before the first round that nobody counts: caches, connections, plans
PAUSES_S = 0.35  # between two windows: processes start, the table is asked


@dataclass(frozen=True, kw_only=True)
class CeilingRequest:
    """What to measure and where."""

    part: Part
    run: RunFiles
    rounds: int
    warmup_s: float
    measure_s: float
    seed: int
    command: tuple[str, ...]
    environ: Mapping[str, str]
    postgres_settings: Mapping[str, str] = field(default_factory=dict)  # of a PostgreSQL that we start


class CeilingRun:
    """One run in this process. `run` once."""

    def __init__(self, request: CeilingRequest, progress: Progress) -> None:
        self._request = request
        self._progress = progress
        self._staging = request.run.root / "staging"
        self._tags = itertools.count()
        self._rounds_done = 0
        self._notes = [
            f"PostgreSQL runs with {name}={value}" for name, value in request.postgres_settings.items()
        ]
        self._cells: Sequence[Cell] = request.part.cells
        self.record = CeilingRecord(
            request.run,
            Ceilings(
                parts=(request.part.name,),
                rounds_asked=request.rounds,
                warmup_s=request.warmup_s,
                measure_s=request.measure_s,
                cells=(),
                ratios=tuple(request.part.ratios),
                windows=(),
            ),
        )

    async def run(self) -> None:
        """Run all rounds. Raises `UserError` with what the user must mend, OSError for the disk."""
        self._staging.mkdir()
        try:
            async with self._bench() as bench:
                await self._run_rounds(bench)
        except BaseException as error:
            self._end(interrupted=not isinstance(error, UserError | OSError))
            raise
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)
        self._end(interrupted=False)

    @asynccontextmanager
    async def _bench(self) -> AsyncIterator[Bench]:
        request = self._request
        configs = sorted({config for cell in request.part.cells for config in cell.servers})
        pool = sum(config.pool for config in configs) + DIRECT_CONNECTIONS + len(configs)
        workers = sum(config.workers for config in configs)
        async with (
            open_database(
                request.environ, settings={**room_for(pool, workers), **request.postgres_settings}
            ) as database,
            TrialDatabases.open(database.address, largest_pool=pool, workers=workers) as databases,
            AsyncExitStack() as stack,
        ):
            require_space((request.run.root, *((database.server.data,) if database.server else ())))
            running = await self._start(configs, databases, stack)
            bench = Bench(
                servers=running,
                postgres=TreeMeter(database.server.pid) if database.server else None,
                data=database.server.data if database.server else None,
                pgbench=_program("pgbench", database),
                wrk=_program("wrk", None),
                load_s=request.warmup_s + request.measure_s,
                staging=self._staging,
                checkpoint=databases.checkpoint,
                stack=stack,
            )
            self.record.begin(
                command=request.command,
                database=database,
                settings=servers.server_settings(configs[0], database.address, request.environ).public(),
                postgres_settings=await databases.settings(),
                seed=request.seed,
            )
            yield bench

    async def _start(
        self, configs: Sequence[ServerConfig], databases: TrialDatabases, stack: AsyncExitStack
    ) -> dict[ServerConfig, RunningServer]:
        running = {}
        for number, config in enumerate(configs):
            self._show(f"starting {config.label}", done=0)
            running[config] = await stack.enter_async_context(
                servers.running(
                    config,
                    databases,
                    run=self._request.run.root.name,
                    number=number,
                    environ=self._request.environ,
                    logs=self._request.run.root,
                )
            )
        return running

    async def _run_rounds(self, bench: Bench) -> None:
        request = self._request
        self._cells = self._measurable(bench)
        self.record.measures([cell.described for cell in self._cells])
        for cell in self._cells:
            await self._prepare(cell, bench)
        for cell in self._cells:
            self._show(f"rehearsing {cell.described.label}", done=0)
            await self._measure(cell, bench, request.warmup_s, REHEARSAL_S)
        with asking("cannot begin with a checkpoint"):
            await bench.checkpoint()
        for number, order in enumerate(orders(self._cells, request.rounds, request.seed)):
            for cell in order:
                self._show(cell.described.label, done=len(self.record.windows))
                window = await self._window(cell, bench, number)
                self.record.add(window)
                self._progress.tell(self._line(cell, window))
            self._rounds_done = number + 1
            self.record.save()

    async def _prepare(self, cell: Cell, bench: Bench) -> None:
        """Prepare; without it there is nothing to measure. Raises `UserError` (no space, for instance)."""
        label = cell.described.label
        self._show(f"preparing {label}", done=0)
        try:
            await cell.prepare(bench)
        except FAILURES as error:
            raise UserError(f"cannot prepare {label}: {one_line(error)}") from None

    def _measurable(self, bench: Bench) -> list[Cell]:
        """The cells that can be measured here; of the others a note."""
        kept = []
        for cell in self._request.part.cells:
            if (reason := cell.missing(bench)) is None:
                kept.append(cell)
            else:
                self._note(f"{cell.described.label} is left out: {reason}")
        if bench.wrk is None:
            self._note("wrk is not installed: the load comes from slower generators, and the figures show it")
        return kept

    async def _window(self, cell: Cell, bench: Bench, number: int) -> CeilingWindow:
        request = self._request
        started_at = now()
        server = bench.servers[cell.servers[0]].meter if cell.servers else None
        before = (_cpu_s(server), _cpu_s(bench.postgres))
        measured = await self._measure(cell, bench, request.warmup_s, request.measure_s)
        after = (_cpu_s(server), _cpu_s(bench.postgres))
        described = cell.described
        return CeilingWindow(
            cell=described.key,
            round=number,
            order=len(self.record.windows),
            started_at=started_at,
            value=measured.value,
            measured_s=measured.measured_s,
            messages=measured.messages,
            run_messages=measured.run_messages,
            p50_ms=measured.p50_ms,
            p99_ms=measured.p99_ms,
            server_cpu_s=_difference(before[0], after[0]) if described.group == "server" else None,
            postgres_cpu_s=_difference(before[1], after[1]),
            generator_cpu_s=measured.generator_cpu_s,
            figures=measured.figures or {},
            courses=measured.courses,
            faults=measured.faults,
            unaccounted=measured.unaccounted,
        )

    async def _measure(self, cell: Cell, bench: Bench, warmup_s: float, measure_s: float) -> Measured:
        """Measure; what failed is a window with that fault."""
        number = next(self._tags)
        asked = Asked(
            warmup_s=warmup_s, measure_s=measure_s, tag=f"w{number}", seed=self._request.seed + number
        )
        try:
            for config in cell.servers:
                await bench.servers[config].empty()
            if not self._request.part.checkpoint_once:
                await bench.checkpoint()
            return await cell.measure(bench, asked)
        except FAILURES as error:
            return Measured(value=0.0, measured_s=0.0, messages=0, run_messages=0, faults=(one_line(error),))

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._progress.tell(text)

    def _show(self, now: str, *, done: int) -> None:
        request = self._request
        left = request.rounds * len(self._cells) - done
        each_s = request.warmup_s + request.measure_s + PAUSES_S
        self._progress.at(done=done, left=left, seconds_left=left * each_s, now=now)

    def _line(self, cell: Cell, window: CeilingWindow) -> str:
        described = cell.described
        of = self._request.rounds * len(self._cells)
        count = f"[{window.order + 1:{len(str(of))}d}/{of}]"
        words = [f"{count} {described.label:58s} {window.value:10,.4g} {described.unit}"]
        if window.p99_ms is not None:
            words.append(f"p99 {window.p99_ms:.2f} ms")
        words += [f"INVALID: {fault}" for fault in window.faults]
        return "  ".join(words)

    def _end(self, *, interrupted: bool) -> None:
        self.record.end(rounds_done=self._rounds_done, interrupted=interrupted, notes=tuple(self._notes))


def _cpu_s(meter: TreeMeter | None) -> float | None:
    usage = meter.read() if meter else None
    return usage.cpu_s if usage else None


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _program(name: str, database: OpenDatabase | None) -> Path | None:
    """A program beside our PostgreSQL's, or on PATH; None when there is none."""
    if database is not None and database.server is not None:
        beside = database.server.bindir / name
        if beside.exists():
            return beside
    found = shutil.which(name)
    return Path(found) if found else None
