"""Small runs against a real server and a real PostgreSQL: figures, faults, and nothing left behind."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells.commit import Commit
from loadtests.ceiling.cells.direct import DirectWrite
from loadtests.ceiling.cells.direct_pop import DirectPop
from loadtests.ceiling.cells.direct_read import DirectRead
from loadtests.ceiling.cells.end_to_end import EndToEnd
from loadtests.ceiling.cells.http_get import HttpGet
from loadtests.ceiling.cells.http_pop import HttpPop
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.part import Cell, Part
from loadtests.ceiling.parts import PARTS
from loadtests.ceiling.runner import CeilingRequest, CeilingRun
from loadtests.ceiling.servers import ServerConfig
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell, CeilingRatio, Ceilings, CeilingWindow, Manifest, RunFiles, read
from loadtests.sweep.databases import connect
from loadtests.sweep.naming import DATABASE_PREFIX
from queen.local.postgres import PostgresServer
from tests.attempts import TooLate, attempts
from tests.ceiling.conftest import Listener
from tests.progress import Told
from tests.waiting import until

ONE, READING = ServerConfig(workers=1, pool=4), ServerConfig(workers=1, pool=4, role="read")
PUSH, FLUSH = HttpPush(ONE, batch=10, connections=8), DirectWrite(ONE, "flush", 100, connections=2)
RATIO = CeilingRatio(key="r", label="push / flush", of=PUSH.key, base=(FLUSH.key,), wanted=0.001)


def asked(root: Path, environ: Mapping[str, str], *cells: Cell, rounds: int = 1) -> CeilingRequest:
    root.mkdir()
    return CeilingRequest(
        part=Part(name="small", help="", takes="", cells=cells, ratios=(RATIO,)),
        run=RunFiles(root),
        rounds=rounds,
        warmup_s=0.05,
        measure_s=0.15,
        seed=7,
        command=("queen", "ceiling"),
        environ=environ,
    )


def something_in_each(windows: Mapping[str, CeilingWindow]) -> None:
    """Raises TooLate for a window that nothing happened in: whoever was to be busy stood still."""
    for key, window in windows.items():
        if window.value <= 0:
            raise TooLate(f"nothing in the window of {key}")


def by_cell(ceilings: Ceilings) -> dict[str, CeilingWindow]:
    return {window.cell: window for window in ceilings.windows}


def children() -> set[psutil.Process]:
    """Our own; PostgreSQL, which the tests share, starts and ends backends as it likes."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.name() != "postgres":
                found.add(child)
    return found


async def left_databases(postgres: PostgresServer) -> list[str]:
    connection = await connect(postgres.address())
    try:
        rows = await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", DATABASE_PREFIX
        )
        return [row["datname"] for row in rows]
    finally:
        await connection.close()


async def test_a_small_run_has_a_figure_for_every_cell_and_leaves_nothing(
    tmp_path: Path, postgres: PostgresServer, wrk: Path
) -> None:
    cells: tuple[Cell, ...] = (
        PUSH,
        FLUSH,
        DirectWrite(ONE, "insert", 1, connections=2),
        DirectWrite(ONE, "insert", 50, connections=2),
        DirectWrite(ONE, "copy", 50, connections=2),
        HttpPop(READING, batch=10, connections=4),
        HttpPop(READING, batch=10, connections=4, ack=True),
        DirectPop(READING, rows=10, connections=2),
        DirectRead(READING, rows=10, connections=2),
        HttpGet(ONE, connections=4),
        Commit(ONE),
        EndToEnd(ONE),
    )
    for attempt in attempts(3, made_good_by=1):
        request = asked(tmp_path / f"run-{attempt.number}", postgres.environ(), *cells)
        with attempt:
            await CeilingRun(request, Told()).run()
            windows = by_cell(read(request.run.ceilings, Ceilings))
            assert windows.keys() == {cell.described.key for cell in cells}
            something_in_each(windows)
    for window in windows.values():
        assert window.faults == ()
        assert 0 < window.messages <= window.run_messages
    assert windows[PUSH.key].server_cpu_s is not None
    assert windows[FLUSH.key].server_cpu_s is None
    assert windows[EndToEnd(ONE).key].messages == 30
    manifest = read(request.run.manifest, Manifest)
    assert (manifest.kind, manifest.blocks_done, manifest.interrupted) == ("ceiling", 1, False)
    assert await left_databases(postgres) == []
    assert not (request.run.root / "staging").exists()

    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "queen", "report", str(request.run.root), "--open", "no"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "push / flush" in done.stdout
    assert done.stdout.splitlines()[-1] == str(request.run.report)
    assert request.run.report.read_text().startswith("<!doctype html>")
    assert {path.name for path in request.run.charts.iterdir()} == {"levels.svg", "ratios.svg"}


async def test_a_server_that_answers_errors_makes_the_window_invalid(
    tmp_path: Path, postgres: PostgresServer, wrk: Path
) -> None:
    refusing = {**postgres.environ(), "MAX_BODY_BYTES": "100"}  # every push is answered 413
    request = asked(tmp_path / "run", refusing, PUSH, FLUSH)
    progress = Told()
    await CeilingRun(request, progress).run()
    windows = by_cell(read(request.run.ceilings, Ceilings))
    assert not windows[PUSH.key].valid
    assert any("answers were errors" in fault for fault in windows[PUSH.key].faults)
    assert windows[FLUSH.key].valid
    assert any("INVALID" in line and "push" in line for line in progress.lines)


@dataclass(frozen=True)
class Elsewhere:
    """The same pushes, sent to somebody who only says that he stores them."""

    push: HttpPush
    url: str

    @property
    def described(self) -> CeilingCell:
        return self.push.described

    @property
    def servers(self) -> Sequence[ServerConfig]:
        return self.push.servers

    def missing(self, bench: Bench) -> str | None:
        return None

    async def prepare(self, bench: Bench) -> None:
        await self.push.prepare(bench)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        lying = {config: replace(server, url=self.url) for config, server in bench.servers.items()}
        return await self.push.measure(replace(bench, servers=lying), asked)


async def test_answers_without_messages_in_the_table_are_noticed(
    tmp_path: Path, postgres: PostgresServer, wrk: Path, listener: Listener
) -> None:
    request = asked(tmp_path / "run", postgres.environ(), FLUSH, Elsewhere(PUSH, listener.url))
    await CeilingRun(request, Told()).run()
    windows = by_cell(read(request.run.ceilings, Ceilings))
    assert windows[PUSH.key].unaccounted
    assert "the table says 0" in windows[PUSH.key].faults[0]
    assert windows[FLUSH.key].valid


async def test_without_wrk_our_own_generators_load(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    locust, get = HttpPush(ONE, batch=10, connections=8, generator="locust"), HttpGet(ONE, 4)
    pops = (HttpPop(READING, 10, 4), HttpPop(READING, 10, 4, ack=True))
    for attempt in attempts(3, made_good_by=1):
        request = asked(tmp_path / f"run-{attempt.number}", postgres.environ(), PUSH, *pops, locust, get)
        with attempt:
            await CeilingRun(request, Told()).run()
            windows = by_cell(read(request.run.ceilings, Ceilings))
            assert windows.keys() == {PUSH.key, get.key, *(pop.key for pop in pops)}
            something_in_each(windows)
    assert all(window.faults == () for window in windows.values())
    notes = read(request.run.manifest, Manifest).notes
    assert any("left out: wrk is not installed" in note for note in notes)


async def test_an_interrupted_run_keeps_its_windows_and_leaves_no_process(
    tmp_path: Path, postgres: PostgresServer, wrk: Path
) -> None:
    request = asked(tmp_path / "run", postgres.environ(), PUSH, FLUSH, rounds=50)
    run = CeilingRun(request, Told())
    before = children()
    work = asyncio.create_task(run.run())
    await until(lambda: work.done() or len(run.record.windows) >= 2, deadline_s=30)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    assert work.cancelled()
    assert children() <= before
    kept = read(request.run.ceilings, Ceilings).windows
    assert len(kept) == len(run.record.windows) >= 2
    assert read(request.run.manifest, Manifest).interrupted
    assert await left_databases(postgres) == []


async def test_our_postgresql_may_have_other_settings(tmp_path: Path, wrk: Path) -> None:
    request = replace(asked(tmp_path / "run", {}, PUSH), postgres_settings={"shared_buffers": "64MB"})
    await CeilingRun(request, Told()).run()
    manifest = read(request.run.manifest, Manifest)
    assert manifest.postgres_settings["shared_buffers"] == "64MB"
    assert manifest.notes == ("PostgreSQL runs with shared_buffers=64MB",)


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("no such=1", "queen: 'no such' is not the name of a PostgreSQL setting"),
        ("nosuch=1", "queen: PostgreSQL refuses a setting: "),
        ("shared_buffers=much", "queen: PostgreSQL refuses a setting: "),
    ],
)
def test_a_setting_that_postgresql_does_not_know_is_one_line(tmp_path: Path, setting: str, line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "queen", "ceiling", "--set", setting],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PG_HOST"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(line)
    assert "Traceback" not in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_help_names_every_part_and_its_time() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "queen", "ceiling", "--help"], capture_output=True, text=True, check=True
    )
    for part in PARTS.values():
        assert f"  {part.name:13s}{part.help}\n" in done.stdout
        assert f"{part.rounds} rounds, windows of {part.measure_s:g} s: about {part.takes}\n" in done.stdout


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (("--part", "nosuch"), 2, "queen: --part nosuch: expected one of "),
        (("--seconds", "0"), 2, "'0': expected seconds from 0.1 to 600"),
        (
            ("--rows", "5"),
            2,
            "queen: --rows 5: --part ratios fills no table; this is for --part table, table-random",
        ),
        (("--set", "shared_buffers"), 2, "queen: --set shared_buffers: expected NAME=VALUE"),
        (("--set", "a=1"), 2, "queen: --set: PG_HOST names a PostgreSQL that runs already; "),
        (("--rounds", "x"), 2, "'x': expected a whole number from 1"),
        (("--output", "run"), 1, "queen: PG_HOST=127.0.0.1 PG_PORT=1 "),
        (("--output", "/dev/null/x"), 2, "queen: --output /dev/null/x: "),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    tmp_path: Path, options: tuple[str, ...], code: int, line: str
) -> None:
    is_one_line(tmp_path, options, code, line)
    assert list(tmp_path.iterdir()) == []


def is_one_line(
    here: Path, options: Sequence[str], code: int, line: str, open_file: int | None = None
) -> None:
    """`queen ceiling` in a directory, with an open file handed on, ends at once and says why."""
    done = subprocess.run(
        [sys.executable, "-m", "queen", "ceiling", *options],
        cwd=here,
        env={**os.environ, "PG_HOST": "127.0.0.1", "PG_PORT": "1"},
        pass_fds=() if open_file is None else (open_file,),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert line in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_results_that_cannot_be_written_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "results").touch()
    is_one_line(tmp_path, (), 2, "queen: 'results': nothing can be written there: Not a directory")
    assert (tmp_path / "results").read_bytes() == b""


def test_an_empty_output_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    still_open = os.open(gone, os.O_RDONLY)  # empty, and not even root can make a file in it
    try:
        gone.rmdir()
        place = f"/proc/self/fd/{still_open}"
        wanted = f"queen: --output '{place}': nothing can be written there: "
        is_one_line(tmp_path, ("--output", place), 2, wanted, still_open)
    finally:
        os.close(still_open)
