"""PostgreSQL dies under `queen load`: what was measured is shown, and what is not known is said."""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from loadtests import results
from loadtests.commands.load_audit import not_accounted
from queen.local.postgres import PostgresServer
from tests.local.support import ask
from tests.waiting import until

from .test_load import DEADLINE_S, only_run, queen_load


async def stored_messages(postgres: PostgresServer) -> bool:
    """Whether the load has stored something yet."""
    try:
        return bool(await ask(postgres.address(), "select count(*) from queen.messages"))
    except asyncpg.UndefinedTableError:
        return False


async def test_a_load_whose_database_dies_ends_with_its_table_and_says_what_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with PostgresServer.start() as postgres:
        for name, value in postgres.environ().items():
            monkeypatch.setenv(name, value)
        words = ["high", "--users", "10", "--headless", "--run-time", "4s"]
        with queen_load(*words, cwd=tmp_path) as process:
            await until(partial(stored_messages, postgres))
            os.kill(postgres.pid, signal.SIGKILL)
            shown, said = await asyncio.to_thread(process.communicate, timeout=DEADLINE_S)
    assert "Traceback" not in said
    assert process.returncode == 1, said
    assert "pushes acknowledged" in shown
    run = only_run(tmp_path)
    (trial,) = results.read_trials(run)
    assert trial.load.requests_not_done + trial.load.requests_unknown > 0
    assert "not checked" in not_accounted(run)
    last = said.splitlines()[-1]
    assert last.startswith("queen: NOT EVERY MESSAGE IS ACCOUNTED FOR: not checked: PG_HOST=")
