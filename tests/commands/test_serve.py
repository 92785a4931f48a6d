"""`queen serve`: brings a PostgreSQL along unless one is named, and takes it away again."""

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from queen.commands.serve import public_without_token
from queen.local.database import Database
from queen.settings import Settings
from tests.commands.serving import CLEAN, post, serving
from tests.local.support import (
    ask,
    directory_for_all,
    is_gone,
    kernel_ends_children,
    processes_naming,
    wait_for,
)

PUSH = b'{"items":[{"queue":"kept","payload":{"n":1}}]}'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_brings_a_database_along_and_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path / "log") as served:
        assert post(f"{served.url}/api/v1/push", PUSH) == 201
        [postgres] = served.postgres()
        data = psutil.Process(postgres).cwd()
        assert served.stop(number) == 0
    assert is_gone(postgres)
    assert not Path(data).exists()
    assert re.search(
        r"queen: PostgreSQL \S+ \(embedded\) on 127\.0\.0\.1:\d+, temporary", served.log.read_text()
    )


async def test_the_database_that_is_named_is_used(tmp_path: Path, database: Database) -> None:
    with serving(tmp_path / "log", **database.environ()) as served:
        assert served.postgres() == []
        assert post(f"{served.url}/api/v1/push", PUSH) == 201
        assert served.stop() == 0
    assert await ask(database, "SELECT count(*) FROM queen.messages") == 1


def test_kept_data_are_there_after_a_restart(tmp_path: Path) -> None:
    with directory_for_all() as place:
        for attempt in (1, 2):
            with serving(tmp_path / "log", "--data", str(place / "data")) as served:
                if attempt == 1:
                    assert post(f"{served.url}/api/v1/push", PUSH) == 201
                else:
                    pop = f"{served.url}/api/v1/pop/queue/kept?wait=false"
                    with urllib.request.urlopen(pop, timeout=20) as answer:
                        assert b'"n":1' in answer.read()
                assert served.stop() == 0


@kernel_ends_children
def test_killed_it_takes_its_database_with_it(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as served:
        [postgres] = served.postgres()
        served.process.kill()
        assert wait_for(lambda: is_gone(postgres))


def test_options_override_the_environment(tmp_path: Path, database: Database) -> None:
    environ = {**database.environ(), "DB_POOL_SIZE": "none of the sort"}
    with serving(tmp_path / "log", "--pool-size", "3", **environ) as served:
        assert served.stop() == 0


def test_a_signal_while_postgresql_starts_leaves_nothing() -> None:
    with directory_for_all() as place:
        command = [sys.executable, "-m", "queen", "serve", "--data", str(place / "data")]
        with subprocess.Popen(command, env=CLEAN, stderr=subprocess.PIPE, text=True) as process:
            assert wait_for((place / "data").exists)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=30)
        assert (process.returncode, said) == (130, "queen: interrupted\n")
        assert processes_naming(str(place / "data")) == []
        assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "complaint"),
    [
        (("--pool-size", "0"), {}, 2, "DB_POOL_SIZE='0'"),
        (("--strategy", "magic"), {}, 2, "PUSH_STRATEGY='magic'"),
        (("--data", "x"), {"PG_HOST": "127.0.0.1"}, 2, "--data is for a PostgreSQL of our own"),
        (("--data", "/etc"), {}, 1, "/etc is not a PostgreSQL data directory"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    arguments: tuple[str, ...], environ: dict[str, str], code: int, complaint: str
) -> None:
    command = [sys.executable, "-m", "queen", "serve", *arguments]
    done = subprocess.run(
        command, env=CLEAN | environ, capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"queen: {complaint}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_nobody_else_reaches_a_loopback_address(host: str) -> None:
    assert public_without_token(Settings(host=host)) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "queen.example"])
def test_a_public_address_without_token_gets_a_warning(host: str) -> None:
    warning = public_without_token(Settings(host=host))
    assert warning is not None
    assert host in warning
    assert public_without_token(Settings(host=host, queen_token="t")) is None
