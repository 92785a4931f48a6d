"""The line of a headless load that runs."""

import asyncio
import io
import re
from dataclasses import replace

import pytest
from msgspec.structs import replace as with_fields

from loadtests.commands import load_progress
from loadtests.commands.load_progress import CLEARED, line, shown
from loadtests.sweep.activity import Activity
from loadtests.sweep.sampling import Look
from tests.waiting import until

ACTIVITY = Activity(
    active=0,
    idle=0,
    idle_in_transaction=0,
    wait_lock=0,
    wait_lwlock=0,
    wait_io=0,
    wait_client=0,
    wait_other=0,
    running=0,
    wal_bytes=0,
    rows_inserted=0,
)
LOOK = Look(
    at_s=0.0,
    pool=None,
    pool_at_s=0.0,
    activity=None,
    server=None,
    generator=None,
    relay=None,
    postgres=None,
    own_cpu_s=0.0,
    machine_busy_s=0.0,
)
STEADY = [
    replace(LOOK, at_s=tenth / 10, activity=with_fields(ACTIVITY, rows_inserted=100 * tenth))
    for tenth in range(60)
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("looks", "ran_s", "length_s", "told"),
    [
        ([], 12.0, 30.0, "0:12 of 0:30"),
        ([], 12.0, None, "0:12"),
        (STEADY, 6.0, 30.0, "0:06 of 0:30  1,000 rows/s into the database"),
        (STEADY[:10], 1.0, 30.0, "0:01 of 0:30"),
        ([*STEADY, LOOK], 6.0, 30.0, "0:06 of 0:30  1,000 rows/s into the database"),
        (STEADY, 31.0, 30.0, "0:31  it comes to its end, and the messages are checked"),
    ],
)
def test_how_far_it_is(looks: list[Look], ran_s: float, length_s: float | None, told: str) -> None:
    assert line(looks, ran_s, length_s) == told


async def test_on_a_terminal_one_line_changes_and_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_progress, "PERIOD_S", 0.001)
    terminal = Terminal()
    async with shown([], 30.0, terminal):
        await until(lambda: terminal.getvalue().count(" of 0:30") >= 2)
    told = re.escape(CLEARED) + r"0:0\d of 0:30"
    assert re.match(told + told, terminal.getvalue())
    assert terminal.getvalue().endswith(CLEARED)


async def test_elsewhere_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_progress, "PERIOD_S", 0.001)
    log = io.StringIO()
    async with shown([], 30.0, log):
        await asyncio.sleep(0.02)
    assert log.getvalue() == ""
