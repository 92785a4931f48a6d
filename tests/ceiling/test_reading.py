"""Windows that read more than the table holds go on with the next group; one that has read all is invalid."""

from dataclasses import replace
from pathlib import Path

import pytest

from loadtests.ceiling.cells import http_pop, reading
from loadtests.ceiling.cells.direct_pop import DirectPop
from loadtests.ceiling.cells.direct_read import DirectRead
from loadtests.ceiling.cells.http_pop import HttpPop
from loadtests.ceiling.cells.reading import GROUPS, QUEUE, Turns, fill, group_ids, rewind
from loadtests.ceiling.runner import CeilingRun
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import Ceilings, read
from queen.local.database import Database
from queen.local.postgres import PostgresServer
from tests.ceiling.standing import ASKED, standing
from tests.ceiling.test_run import asked, by_cell
from tests.progress import Told

READING = ServerConfig(workers=1, pool=4, role="read")
POP = HttpPop(READING, batch=5, connections=4)
STATEMENT, SELECT = DirectPop(READING, rows=5, connections=2), DirectRead(READING, rows=5, connections=2)
BESIDE = 3 * POP.batch * POP.connections  # messages that the table holds beside those of the rate
CURSORS = """
    select sum(c.consumed) from queen.cursors c join queen.consumer_groups g on g.id = c.group_id
    where g.name = $1
"""


def test_groups_take_turns_and_the_last_one_goes_on() -> None:
    turns = Turns(messages=100, groups=("a", "b", "c"))
    assert [turns.number(count) for count in (0, 99, 100, 199, 200, 299, 300, 1_000)] == [
        *(0, 0, 1, 1, 2, 2, 2, 2),
    ]
    assert turns.capacity == 300


async def test_a_window_may_read_more_than_the_table_holds(
    tmp_path: Path, postgres: PostgresServer, wrk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_pop, "FILLED_MSG_S", 0)
    monkeypatch.setattr(reading, "GROUPS", tuple(f"group{number}" for number in range(200)))
    request = asked(tmp_path / "run", postgres.environ(), POP, STATEMENT, SELECT)
    await CeilingRun(request, Told()).run()
    windows = by_cell(read(request.run.ceilings, Ceilings))
    for cell in (POP, STATEMENT, SELECT):
        window = windows[cell.key]
        assert window.faults == ()
        assert window.run_messages > BESIDE  # which is what the table holds


async def test_a_window_that_has_read_everything_does_not_count(
    tmp_path: Path, postgres: PostgresServer, wrk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_pop, "FILLED_MSG_S", 0)
    monkeypatch.setattr(reading, "GROUPS", GROUPS[:2])
    request = replace(
        asked(tmp_path / "run", postgres.environ(), POP), measure_s=2.0
    )  # also on a busy machine
    await CeilingRun(request, Told()).run()
    (window,) = read(request.run.ceilings, Ceilings).windows
    assert window.faults == ("every message was read before the end",)
    assert not window.unaccounted
    assert window.run_messages == BESIDE * 2


async def test_the_table_is_filled_once_and_every_group_begins_at_the_front(
    tmp_path: Path, database: Database, postgres: PostgresServer
) -> None:
    async with standing(READING, database, postgres, tmp_path) as (server, bench):
        await fill(server, 95)
        await fill(server, 30)
        assert await server.stored(QUEUE) == 100
        assert len(set(await group_ids(server))) == len(GROUPS)
        await STATEMENT.measure(bench, ASKED)
        assert await server.control.fetchval(CURSORS, GROUPS[0]) == 100
        assert await rewind(server) == Turns(100, GROUPS)
        again = await STATEMENT.measure(bench, ASKED)
        assert await server.control.fetchval(CURSORS, GROUPS[0]) == 200
        assert not again.unaccounted
