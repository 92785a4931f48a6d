"""`queen db`: a PostgreSQL in the foreground, and which one it would be."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from queen.local.database import Database
from tests.local.support import ask, directory_for_all, processes_naming, wait_for

QUEEN = (sys.executable, "-m", "queen")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PG_", "QUEEN_"))}


def queen(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*QUEEN, *arguments], env=CLEAN | environ, capture_output=True, text=True, timeout=50, check=False
    )


@contextmanager
def started(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", Database]]:
    """`queen db start` when it is up, and the database that its output leads to."""
    command = [*QUEEN, "db", "start", *arguments]
    with subprocess.Popen(
        command, env=CLEAN, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip() for _ in range(5)]
            shell = "; ".join(lines) + '; echo "$PG_HOST $PG_PORT $PG_USER $PG_DB [$PG_PASSWORD]"'
            shown = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)
            host, port, user, name, password = shown.stdout.split()
            assert password == "[]"
            yield process, Database(host=host, port=int(port), user=user, name=name)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_runs_until_a_signal_and_leaves_nothing(number: signal.Signals) -> None:
    with started("--set", "work_mem=16MB") as (process, database):
        assert await ask(database, "SHOW work_mem") == "16MB"
        data = str(await ask(database, "SHOW data_directory"))
        process.send_signal(number)
        assert process.wait(30) == 0
    assert not Path(data).exists()
    assert processes_naming(data) == []


def test_a_signal_while_it_starts_leaves_nothing() -> None:
    with directory_for_all() as place:
        command = [*QUEEN, "db", "start", "--data", str(place / "data")]
        with subprocess.Popen(command, env=CLEAN, stdout=subprocess.DEVNULL) as process:
            assert wait_for((place / "data").exists)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        assert processes_naming(str(place / "data")) == []
        assert list(place.iterdir()) == []


async def test_it_says_so_when_postgresql_ends_by_itself() -> None:
    with started() as (process, database):
        pid = int(str(await ask(database, "SELECT pg_read_file('postmaster.pid')")).split()[0])
        os.kill(pid, signal.SIGQUIT)
        assert process.wait(30) == 1


def test_where_names_the_embedded_one() -> None:
    done = queen("db", "where")
    assert done.returncode == 0
    assert done.stdout.startswith("PostgreSQL 18.6 (embedded)")
    if os.geteuid() == 0:
        assert "run as: " in done.stdout


def test_where_asks_an_outside_server(database: Database) -> None:
    done = queen("db", "where", **database.environ())
    assert f"at {database.host}:{database.port}: PG_HOST is set and it answers" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "complaint"),
    [
        (("db", "where"), {"PG_HOST": "127.0.0.1", "PG_PORT": "1"}, 1, "PG_HOST=127.0.0.1 PG_PORT=1"),
        (("db", "where"), {"QUEEN_PG_BIN": "/nowhere"}, 1, "QUEEN_PG_BIN=/nowhere: no program postgres"),
        (("db", "start", "--data", "/etc"), {}, 1, "/etc is not a PostgreSQL data directory"),
        (("db", "start", "--data", "/proc/data"), {}, 1, "/proc/data: No such file or directory"),
        (("db", "start", "--set", "nonsense"), {}, 2, "--set nonsense: expected NAME=VALUE"),
        (("db", "start", "--set", "port=1"), {}, 2, "port is decided when PostgreSQL starts"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    arguments: tuple[str, ...], environ: dict[str, str], code: int, complaint: str
) -> None:
    done = queen(*arguments, **environ)
    assert done.returncode == code
    assert done.stderr.startswith(f"queen: {complaint}")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_help_has_examples() -> None:
    assert "examples:" in queen("db", "--help").stdout
