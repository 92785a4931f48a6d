"""`queen serve` with NUM_WORKERS: one instance on a real PostgreSQL, whichever worker is asked."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

from queen.local.database import Database
from queen.postgres.migrate import migrations
from tests.commands.serving import CLEAN, Served, post, serving
from tests.local.support import ask, is_gone, wait_for

PUSH = b'{"items":[{"queue":"q","payload":1},{"queue":"q","payload":2}]}'


def get(url: str) -> Any:
    """The JSON of a GET over a fresh connection, which any worker may get."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.loads(answer.read())


def of_all(served: Served, path: str) -> Any:
    """An answer of /metrics… that every worker is in: one that is too busy at the moment is left out."""
    answers: list[Any] = []

    def all_told() -> bool:
        answers.append(get(f"{served.url}{path}"))
        workers = answers[-1]["workers"]
        return bool(workers["answered"] == workers["expected"])

    assert wait_for(all_told)
    return answers[-1]


def push_until_both_have(served: Served) -> int:
    """Push over fresh connections until both workers have stored something; returns the messages."""
    pushed = 0
    while min(by_worker(served, "queen_pushed_messages_total").values()) == 0:
        assert post(f"{served.url}/api/v1/push", PUSH) == 201
        pushed += 2
    return pushed


def by_worker(served: Served, name: str) -> dict[int, float]:
    """A figure of /metrics/prometheus, by worker id: of every worker, as `of_all`."""
    texts: list[str] = []

    def all_told() -> bool:
        with urllib.request.urlopen(f"{served.url}/metrics/prometheus", timeout=20) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            texts.append(answer.read().decode())
        expected, answered = re.findall(
            r"^queen_workers_(?:expected|answered) (\d+)$", texts[-1], re.MULTILINE
        )
        return bool(expected == answered)

    assert wait_for(all_told)
    found = re.findall(rf'^{name}{{worker="(\d+)"}} (\S+)$', texts[-1], re.MULTILINE)
    return {int(worker): float(value) for worker, value in found}


def test_what_is_left_of_killed_workers_is_removed_by_the_next_start(database: Database) -> None:
    """SIGKILL for all of them at once: no code of theirs can clean up."""
    with TemporaryDirectory() as name:  # short enough for the path of a socket
        place = Path(name)
        environ = {"NUM_WORKERS": "2", "TMPDIR": name, **database.environ()}
        with serving(place / "log", **environ) as served:
            (left,) = place.glob("queen-workers-*")
            assert {path.name for path in left.iterdir()} >= {"0.figures", "1.figures"}
            supervisor = psutil.Process(served.process.pid)
            instance = (*supervisor.children(), supervisor)
            for number in (signal.SIGSTOP, signal.SIGKILL):  # none of them hears of the end of another
                for process in instance:
                    process.send_signal(number)
        assert left.exists()
        with serving(place / "log", **environ) as served:
            assert [left] != list(place.glob("queen-workers-*"))
            assert not left.exists()
            assert served.stop() == 0
        assert list(place.glob("queen-*")) == []


async def test_whichever_worker_is_asked_tells_the_whole(tmp_path: Path, database: Database) -> None:
    with serving(tmp_path / "log", NUM_WORKERS="2", **database.environ()) as served:
        pushed = push_until_both_have(served)
        for _ in range(8):
            metrics = of_all(served, "/metrics")
            assert metrics["workers"] == {"expected": 2, "answered": 2}
            assert (metrics["messages"]["total"], metrics["requests"]["total"]) == (pushed, pushed / 2)
        assert wait_for(lambda: get(f"{served.url}/metrics")["listening"] == 2)
        assert await ask(database, "SELECT count(*) FROM queen.messages") == pushed
        assert {get(f"{served.url}/health")["worker_id"] for _ in range(40)} == {0, 1}
        assert served.stop() == 0


async def test_the_pool_is_the_instances_and_divided(tmp_path: Path, database: Database) -> None:
    environ = {"NUM_WORKERS": "3", "DB_POOL_SIZE": "5", **database.environ()}
    with serving(tmp_path / "log", **environ) as served:
        assert by_worker(served, "queen_db_pool_limit") == {0: 2, 1: 2, 2: 1}
        pool = of_all(served, "/metrics/pool")
        assert (pool["maxCount"], pool["workers"]) == (5, {"expected": 3, "answered": 3})
        assert pool["totalCount"] == sum(by_worker(served, "queen_db_pool_size").values())
        connected = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'queen' AND datname = current_database()"
        )
        assert await ask(database, connected) == pool["totalCount"]
        assert served.stop() == 0


async def test_a_worker_that_was_killed_leaves_the_figures_and_comes_back(
    tmp_path: Path, database: Database
) -> None:
    with serving(tmp_path / "log", NUM_WORKERS="2", **database.environ()) as served:
        push_until_both_have(served)
        killed, _ = psutil.Process(served.process.pid).children()
        os.kill(killed.pid, signal.SIGKILL)
        assert wait_for(lambda: is_gone(killed.pid))
        assert wait_for(lambda: 0 in by_worker(served, "queen_pushed_messages_total").values())
        assert wait_for(lambda: get(f"{served.url}/metrics")["workers"]["answered"] == 2)
        assert served.stop() == 0


async def test_workers_that_start_together_migrate_a_fresh_database_once(
    tmp_path: Path, database: Database
) -> None:
    with serving(tmp_path / "log", NUM_WORKERS="4", **database.environ()) as served:
        assert await ask(database, "SELECT count(*) FROM queen.migrations") == len(migrations())
        assert served.stop() == 0


def test_metrics_can_be_switched_off(tmp_path: Path, database: Database) -> None:
    environ = {"NUM_WORKERS": "2", "ENABLE_METRICS": "false", **database.environ()}
    with serving(tmp_path / "log", **environ) as served:
        for path in ("/metrics", "/metrics/pool", "/metrics/prometheus"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get(f"{served.url}{path}")


def test_a_public_address_without_token_is_warned_of_once(tmp_path: Path, database: Database) -> None:
    with serving(tmp_path / "log", NUM_WORKERS="2", HOST="0.0.0.0", **database.environ()) as served:
        assert served.stop() == 0
    assert served.log.read_text().count("without QUEEN_TOKEN") == 1


def test_the_database_it_brings_along_goes_last_and_also_after_a_kill(tmp_path: Path) -> None:
    with serving(tmp_path / "log", NUM_WORKERS="2") as served:
        children = psutil.Process(served.process.pid).children()
        assert len(children) == 3
        assert post(f"{served.url}/api/v1/push", PUSH) == 201
        served.process.kill()
        assert wait_for(lambda: all(is_gone(child.pid) for child in children))


@pytest.mark.parametrize(
    ("environ", "code", "complaint"),
    [
        ({"DB_POOL_SIZE": "2"}, 2, "DB_POOL_SIZE=2 is below NUM_WORKERS=3: "),
        ({"NUM_WORKERS": "none"}, 2, "NUM_WORKERS='none': "),
        ({"PG_HOST": "127.0.0.1", "PG_PORT": "9"}, 1, "no database at PG_HOST=127.0.0.1 PG_PORT=9 "),
        ({"PG_HOST": "127.0.0.1", "HOST": "no.such.host.invalid"}, 1, "HOST=no.such.host.invalid: "),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(environ: dict[str, str], code: int, complaint: str) -> None:
    command = [sys.executable, "-m", "queen", "serve", "--port", "0"]
    given = {**CLEAN, "NUM_WORKERS": "3", **environ}
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=50, check=False)
    errors = [line for line in done.stderr.splitlines() if "warning: " not in line]
    assert (done.returncode, done.stdout) == (code, "")
    assert len(errors) == 1
    assert errors[0].startswith(f"queen: {complaint}")
