"""An account of very many messages takes its time: whoever does not want to wait for it can leave."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from loadtests import results
from loadtests.commands import load_signals
from loadtests.commands.load_audit import not_accounted
from loadtests.commands.load_signals import AGAIN_AFTER_S, HINT, LoadSignals
from loadtests.results import RunFiles
from queen.cli import EXIT_INTERRUPTED
from queen.local.database import Database
from queen.local.open_database import Connection
from queen.local.postgres import PostgresServer
from tests.clock import Clock
from tests.databases import connected
from tests.waiting import until

DEADLINE_S = 50.0


async def test_the_first_signal_ends_the_load_and_another_one_what_follows() -> None:
    time = Clock(100.0)
    signals = LoadSignals(time)
    signals.heard()
    assert (signals.stop.is_set(), signals.leave.is_set()) == (True, False)
    time.now_s += AGAIN_AFTER_S / 2
    signals.heard()  # the same one, sent to the group as well
    assert not signals.leave.is_set()
    time.now_s += AGAIN_AFTER_S / 2
    signals.heard()
    assert signals.leave.is_set()


async def test_whoever_waits_longer_is_told_how_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_signals, "HINT_AFTER_S", 0.01)
    signals, said = LoadSignals(), list[str]()
    async with signals.explained(said.append):
        signals.stop.set()
        await until(lambda: said != [])
    assert said == [HINT]
    async with LoadSignals().explained(said.append):
        pass
    assert said == [HINT]


def headless_load(directory: Path, variables: Mapping[str, str]) -> "subprocess.Popen[str]":
    words = ["high", "--users", "2", "--headless", "--run-time", "60s"]
    return subprocess.Popen(
        [sys.executable, "-m", "queen", "load", *words],
        cwd=directory,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def has_messages(connection: Connection) -> bool:
    if await connection.fetchval("select to_regclass('queen.messages')") is None:
        return False
    return bool(await connection.fetchval("select exists (select from queen.messages)"))


@asynccontextmanager
async def unreadable(connection: Connection) -> AsyncIterator[None]:
    """Nobody can read or write a message meanwhile."""
    async with connection.transaction():
        await connection.execute("lock table queen.messages in access exclusive mode")
        yield


async def test_a_second_ctrl_c_leaves_the_messages_unread_and_calls_them_unknown(
    tmp_path: Path, postgres: PostgresServer, database: Database
) -> None:
    variables = {**postgres.environ(), "PG_DB": database.name}
    with headless_load(tmp_path, variables) as process:
        async with connected(database) as holder:
            await until(lambda: has_messages(holder), DEADLINE_S)
            async with unreadable(holder):
                process.send_signal(signal.SIGINT)
                await until(lambda: list(tmp_path.glob("results/*/trials/*/ledger.json")) != [], DEADLINE_S)
                signalled_s = monotonic()
                await until(lambda: monotonic() > signalled_s + AGAIN_AFTER_S)
                process.send_signal(signal.SIGINT)
                (manifest,) = tmp_path.glob("results/*/manifest.json")
                run = RunFiles(manifest.parent)
                await until(lambda: not_accounted(run) != "", DEADLINE_S)
        _, said = await asyncio.to_thread(process.communicate, timeout=DEADLINE_S)
    assert process.returncode == EXIT_INTERRUPTED
    assert "NOT EVERY MESSAGE IS ACCOUNTED FOR: not checked: interrupted while it was read" in said
    (trial,) = results.read_trials(run)
    assert trial.accounting is None
