"""A PostgreSQL of our own: starts, answers, stops, keeps what it should and leaves nothing else."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from queen.errors import SettingsError, UserError
from queen.local.filesystem import temporary_root
from queen.local.postgres import PostgresServer
from queen.local.users import database_user
from tests.conftest import EMBEDDED, INSTALLED, environ_for, skip_unless_ci
from tests.local.support import (
    ask,
    directory_for_all,
    harness,
    is_gone,
    kernel_ends_children,
    line_of,
    only_root,
    processes_naming,
)
from tests.waiting import until

OWNER = """
import asyncio, sys
from pathlib import Path
from queen.local.postgres import PostgresServer

async def main():
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    async with PostgresServer.start(data=data) as server:
        print(server.pid, server.data, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_it_says_what_it_is_and_answers(each_postgres: PostgresServer, postgres_version: int) -> None:
    version = await ask(each_postgres.address(), "SHOW server_version")
    assert str(version).split()[0] == each_postgres.version
    assert each_postgres.version.startswith(f"{postgres_version}.")
    assert each_postgres.source == ("embedded" if postgres_version == EMBEDDED else "QUEEN_PG_BIN")
    assert (each_postgres.bindir / "psql").exists()
    assert each_postgres.log.exists()
    if sys.platform == "linux":
        assert each_postgres.filesystem


async def test_its_defaults_are_stock_but_for_room_and_statistics(postgres_version: int) -> None:
    async with PostgresServer.start(environ=environ_for(postgres_version)) as server:
        changed = await ask(
            server.address(),
            """SELECT array_agg(name || '=' || setting ORDER BY name) FROM pg_settings
               WHERE sourcefile LIKE '%queen.conf'""",
        )
        assert changed == ["max_connections=200", "shared_preload_libraries=pg_stat_statements"]
        assert await ask(server.address(), "SHOW fsync") == "on"
        assert await ask(server.address(), "SHOW synchronous_commit") == "on"


async def test_it_can_be_reached_by_tcp_on_this_machine_alone(each_postgres: PostgresServer) -> None:
    listening = [c.laddr for c in psutil.Process(each_postgres.pid).net_connections() if c.status == "LISTEN"]
    assert [tuple(address) for address in listening] == [("127.0.0.1", each_postgres.port)]
    assert psutil.Process(each_postgres.pid).net_connections("unix") == []


async def test_the_variables_of_an_outer_postgresql_do_not_leak_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGDATA": "/nowhere", "PGPORT": "1", "PGOPTIONS": "-c x", "PGUSER": "y"}.items():
        monkeypatch.setenv(name, value)
    async with PostgresServer.start() as server:
        assert server.data != Path("/nowhere")


async def test_settings_are_taken_with_any_value() -> None:
    settings = {"work_mem": "16MB", "application_name": r"it's a \ 'name'", "queen.profile": "guide"}
    async with PostgresServer.start(settings=settings) as server:
        for name, value in settings.items():
            assert await ask(server.address(), f"SHOW {name}") == value


async def test_a_temporary_one_leaves_neither_files_nor_processes() -> None:
    async with PostgresServer.start() as server:
        data, pid = server.data, server.pid
        assert data.exists()
    assert not data.parent.exists()
    assert is_gone(pid)
    assert processes_naming(str(data)) == []


async def test_two_at_once_do_not_meet() -> None:
    async with PostgresServer.start() as one, PostgresServer.start() as other:
        assert one.port != other.port
        await ask(one.address(), "CREATE TABLE only_here ()")
        assert await ask(other.address(), "SELECT to_regclass('only_here')") is None


async def test_it_ends_though_a_client_sits_in_a_transaction() -> None:
    async with PostgresServer.start() as server:
        client = await asyncpg.connect(
            host=server.host, port=server.port, user=server.user, database="postgres"
        )
        await client.execute("BEGIN")
        pid = server.pid
    assert is_gone(pid)
    client.terminate()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_it_starts_again_on_its_port_with_its_data(how: signal.Signals) -> None:
    """At once, while the processes of one that was killed may still be going."""
    with directory_for_all() as place:
        async with PostgresServer.start(data=place / "data") as server:
            await ask(server.address(), "CREATE TABLE kept ()")
            os.kill(server.pid, how)
            await server.wait()
            async with PostgresServer.start(data=server.data, port=server.port) as again:
                assert (again.port, again.pid != server.pid) == (server.port, True)
                assert await ask(again.address(), "SELECT to_regclass('kept')::text") == "kept"


class Kept:
    """Stopped clusters that tests share, one per version: to make one safely takes seconds."""

    def __init__(self, place: Path) -> None:
        self._place = place

    async def get(self, major: int) -> Path:
        data = self._place / f'PostgreSQL {major}, it\'s "mine"' / ("a-long-path-" * 20)
        if not data.exists():
            async with PostgresServer.start(data=data, environ=environ_for(major)) as server:
                await ask(server.address(), "CREATE TABLE kept AS SELECT 42 AS answer")
        return data


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    with directory_for_all() as place:
        yield Kept(place)


async def test_a_kept_one_has_its_data_after_a_restart(kept: Kept, postgres_version: int) -> None:
    """In a path with spaces and quotes, longer than a Unix socket could have."""
    data = await kept.get(postgres_version)
    assert len(str(data)) > 107
    async with PostgresServer.start(data=data, environ=environ_for(postgres_version)) as server:
        assert await ask(server.address(), "SELECT answer FROM kept") == 42
    assert (data / "PG_VERSION").read_text().strip() == str(postgres_version)


async def test_settings_of_a_kept_one_are_those_of_this_start(kept: Kept) -> None:
    data = await kept.get(EMBEDDED)
    async with PostgresServer.start(data=data, settings={"work_mem": "16MB"}) as server:
        assert await ask(server.address(), "SHOW work_mem") == "16MB"
    async with PostgresServer.start(data=data) as server:
        assert await ask(server.address(), "SHOW work_mem") == "4MB"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("work_mem", "banana", 'invalid value for parameter "work_mem": "banana"'),
        ("wrok_mem", "1MB", 'unrecognized configuration parameter "wrok_mem"'),
        ("max_connections", "0", 'outside the valid range for parameter "max_connections"'),
        ("shared_preload_libraries", "nothing", 'could not access file "nothing"'),
        ("port", "1", "port is decided when PostgreSQL starts"),
        ("a b", "1", "'a b' is not the name of a PostgreSQL setting"),
        ("work_mem", "1\nfsync=off", "expected one line"),
    ],
)
async def test_a_bad_setting_is_one_line(kept: Kept, name: str, value: str, complaint: str) -> None:
    data = await kept.get(EMBEDDED)
    with pytest.raises(SettingsError) as refused:
        async with PostgresServer.start(settings={name: value}, data=data):
            pass
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


async def refusal(data: Path, **options: object) -> str:
    with pytest.raises(UserError) as refused:
        async with PostgresServer.start(data=data, **options):  # type: ignore[arg-type]
            pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_a_directory_of_something_else_is_refused_and_untouched() -> None:
    with directory_for_all() as place:
        (place / "thesis.tex").write_text("precious")
        assert "is not a PostgreSQL data directory and not empty" in await refusal(place)
        assert [path.name for path in place.iterdir()] == ["thesis.tex"]


async def test_a_file_is_refused() -> None:
    with directory_for_all() as place:
        (place / "file").write_text("x")
        assert "is not a PostgreSQL data directory" in await refusal(place / "file")


async def test_another_major_version_is_refused(kept: Kept) -> None:
    said = await refusal(await kept.get(INSTALLED))
    assert f"belongs to PostgreSQL {INSTALLED}, found is {EMBEDDED}." in said


async def test_the_directory_of_a_live_server_is_refused(kept: Kept) -> None:
    data = await kept.get(EMBEDDED)
    async with PostgresServer.start(data=data) as server:
        said = await refusal(data)
        assert f"is in use by a running PostgreSQL server (pid {server.pid})" in said
        assert await ask(server.address(), "SELECT 1") == 1


async def test_a_cluster_of_another_program_is_refused() -> None:
    with directory_for_all() as place:
        (place / "PG_VERSION").write_text(f"{EMBEDDED}\n")
        (place / "postgresql.conf").write_text("port = 5432\n")
        assert "was made by another program" in await refusal(place)


async def test_a_taken_port_is_refused(kept: Kept, postgres: PostgresServer) -> None:
    said = await refusal(await kept.get(EMBEDDED), port=postgres.port)
    assert f"port {postgres.port} is in use" in said


@only_root
async def test_a_directory_that_the_databases_user_cannot_enter_is_refused() -> None:
    with directory_for_all(0o700) as place:
        assert "cannot enter" in await refusal(place / "data")
        assert list(place.iterdir()) == []


@pytest.fixture
def tiny_filesystem() -> Iterator[Path]:
    """20 MB: enough to begin with, too little for a database."""
    with directory_for_all() as place:
        mount = ["mount", "-t", "tmpfs", "-o", "size=20m,mode=755", "tmpfs", str(place)]
        if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            skip_unless_ci("root may not mount a tmpfs here (a container without CAP_SYS_ADMIN?)")
        try:
            yield place
        finally:
            subprocess.run(["umount", str(place)], check=True)


@only_root
async def test_a_directory_without_space_is_one_line_and_leaves_nothing(tiny_filesystem: Path) -> None:
    data = tiny_filesystem / "data"
    assert f"no space left for the database in {data}" in await refusal(data)
    assert list(tiny_filesystem.iterdir()) == []


@kernel_ends_children
async def test_it_dies_with_an_owner_that_is_killed_and_its_files_go_with_the_next_run() -> None:
    with harness(OWNER) as owner:
        pid, _, data = line_of(owner).partition(" ")
        owner.kill()
        owner.wait()
        await until(lambda: is_gone(int(pid)) and processes_naming(data) == [])
    assert Path(data).exists()
    async with PostgresServer.start():
        assert not Path(data).parent.exists()


@kernel_ends_children
async def test_a_kept_one_can_be_used_at_once_after_its_owner_was_killed(kept: Kept) -> None:
    data = await kept.get(EMBEDDED)
    with harness(OWNER, str(data)) as owner:
        line_of(owner)
        owner.kill()
        async with PostgresServer.start(data=data) as server:
            assert await ask(server.address(), "SELECT 1") == 1


@only_root
async def test_root_runs_it_as_an_unprivileged_user(postgres: PostgresServer) -> None:
    user = database_user()
    assert user is not None
    assert psutil.Process(postgres.pid).uids().real == user.uid
    assert postgres.data.stat().st_uid == user.uid


ORDINARY = """
import asyncio, os, sys
from queen.local.postgres import PostgresServer
import asyncpg

os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]))

async def main():
    async with PostgresServer.start() as server:
        c = await asyncpg.connect(host=server.host, port=server.port, user=server.user, database="postgres")
        print(os.stat(server.data).st_uid, await c.fetchval("SELECT 41 + 1"))
        await c.close()

asyncio.run(main())
"""


@only_root
def test_an_ordinary_user_runs_it_as_themselves() -> None:
    user = database_user()
    assert user is not None
    python = _interpreter_for(user.uid, user.gid)
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    done = subprocess.run(
        [python, "-c", ORDINARY, str(user.uid), str(user.gid)],
        env={"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *libraries])},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stdout.split() == [str(user.uid), "42"], done.stderr


def _interpreter_for(uid: int, gid: int) -> str:
    """A Python of this version that the user may execute; ours may lie below root's home."""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [python, "-c", "import sys; print(sys.version_info.minor)"]
        try:
            subprocess.run(command, user=uid, group=gid, extra_groups=[], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    skip_unless_ci(
        f"no Python 3.{sys.version_info.minor} that another user may execute (apt-get install python3)"
    )


def test_temporary_data_are_on_a_disk_where_there_is_one() -> None:
    root = temporary_root(database_user())
    assert root.is_dir()
    assert root in (Path("/tmp"), Path("/var/tmp"), Path(os.environ.get("TMPDIR", "/tmp")))


async def test_a_cancelled_start_leaves_nothing(postgres: PostgresServer) -> None:
    del postgres  # up already: the machine is warm, and what is new below belongs to this test
    before = set(temporary_root(database_user()).glob("queen-db-*"))

    async def start() -> None:
        async with PostgresServer.start():
            raise AssertionError("it was cancelled before")

    starting = asyncio.create_task(start())
    root = temporary_root(database_user())
    await until(lambda: bool(set(root.glob("queen-db-*/data")) - {path / "data" for path in before}))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert set(root.glob("queen-db-*")) <= before
