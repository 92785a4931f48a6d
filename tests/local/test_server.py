"""`queen serve` as a child: configured by its settings alone, known by its URL, stopped by SIGTERM."""

import json
import sys
from pathlib import Path

import pytest

from queen.local.process import ChildFailed
from queen.local.server import QueenServer, server_environ
from queen.settings import Settings
from tests.local.support import is_gone

FAKE_SERVER = """
import json, os, signal, sys
print("starting", file=sys.stderr)
print("listening on http://127.0.0.1:4711")
print("environ", json.dumps(dict(os.environ)))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready for signals")
signal.pause()
"""


def fake(program: str = FAKE_SERVER) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


async def test_it_is_known_by_its_url_and_stopped_by_sigterm(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    async with QueenServer.start({}, log=log, command=fake()) as server:
        assert server.url == "http://127.0.0.1:4711"
        await server.child.until(
            lambda: "signals" in log.read_text() or None, what="get ready", deadline_s=20
        )
        pid = server.pid
    assert is_gone(pid)
    assert server.child.returncode == 7


async def test_only_its_settings_configure_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_POOL_SIZE", "99")
    monkeypatch.setenv("PG_HOST", "elsewhere")
    monkeypatch.setenv("UNRELATED", "passes")
    log = tmp_path / "server.log"
    async with QueenServer.start({"PG_HOST": "here"}, log=log, command=fake()) as server:
        await server.child.until(
            lambda: "signals" in log.read_text() or None, what="get ready", deadline_s=20
        )
    [line] = [line for line in log.read_text().splitlines() if line.startswith("environ")]
    environ = json.loads(line.removeprefix("environ "))
    assert environ["PG_HOST"] == "here"
    assert "DB_POOL_SIZE" not in environ
    assert environ["UNRELATED"] == "passes"


def test_settings_arrive_whole() -> None:
    settings = Settings(db_pool_size=7, pg_host="here", db_pool_reset=True)
    assert server_environ(settings, {}).items() >= settings.environ().items()


async def test_one_that_fails_says_why(tmp_path: Path) -> None:
    program = "import sys; sys.exit('queen: port 6632 is in use')"
    with pytest.raises(ChildFailed, match="queen serve ended with exit code 1: queen: port 6632 is in use"):
        async with QueenServer.start({}, log=tmp_path / "log", command=fake(program)):
            pass


async def test_one_that_never_listens_is_stopped(tmp_path: Path) -> None:
    program = "import signal; print('listening to music', flush=True); signal.pause()"
    with pytest.raises(ChildFailed, match=r"within 0\.3 s"):
        async with QueenServer.start({}, log=tmp_path / "log", command=fake(program), deadline_s=0.3):
            pass
