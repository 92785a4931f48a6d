"""The cells of the long parts: what they fill is what pushes leave, and a server that errs is noticed."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from loadtests.ceiling.account import disagreement
from loadtests.ceiling.cells import PARTITIONS
from loadtests.ceiling.cells.filled_push import STATEMENT_ROWS, FilledPush, _portions
from loadtests.ceiling.cells.http_push import QUEUE, HttpPush
from loadtests.ceiling.cells.idle_pop import IdlePop
from loadtests.ceiling.cells.parked_polls import ParkedPolls
from loadtests.ceiling.cells.peak_memory import MIB, resident_bytes, worker_pids
from loadtests.ceiling.cells.steady import slowest_to_median
from loadtests.ceiling.servers import ServerConfig
from queen.local.database import Database
from queen.local.postgres import PostgresServer
from tests.ceiling.conftest import Answer, Listener
from tests.ceiling.standing import ASKED, standing
from tests.waiting import until

LARGE, IDLE = ServerConfig(workers=1, role="large"), ServerConfig(workers=1, role="idle")
INDEXES = "select indexname, indexdef from pg_indexes where schemaname = 'queen' order by indexname"
STORED = """
    select p.head, p.tail, count(*) as messages, min(m.position) as first, max(m.position) as last,
           count(distinct m.transaction_id) as names, p.last_created_at = max(m.created_at) as told
    from queen.partitions p
    join queen.queues q on q.id = p.queue_id and q.name = $1
    join queen.messages m on m.partition_id = p.id and m.queue_id = q.id
    group by p.id
"""
ONE_NAME = "select transaction_id, partition_id from queen.messages limit 1"
PUSH_AGAIN = """
    select queen.push(array[$1::bigint], array[1, 2]::bigint[], array[$2], array[$2],
                      array[gen_random_uuid()], array[$2::text], array[null]::uuid[], array['{}']::json[])
"""
INDEX_BYTES = "select pg_relation_size('queen.messages_transaction')"
STATISTICS = "select reltuples::integer from pg_class where oid = 'queen.messages'::regclass"


async def test_a_filled_table_is_as_pushes_leave_it(
    tmp_path: Path, database: Database, postgres: PostgresServer
) -> None:
    cell = FilledPush(HttpPush(LARGE, 100, 4), rows=3_000)
    async with standing(LARGE, database, postgres, tmp_path) as (server, bench):
        indexes = await server.control.fetch(INDEXES)
        await cell.prepare(bench)
        assert await server.control.fetch(INDEXES) == indexes
        assert await server.control.fetchval(STATISTICS) == 3_000
        partitions = await server.control.fetch(STORED, QUEUE)
        assert len(partitions) == PARTITIONS
        for row in partitions:
            assert tuple(row) == (300, 0, 300, 1, 300, 300, True)
        name = await server.control.fetchrow(ONE_NAME)
        assert name is not None
        found = await server.control.fetchval(PUSH_AGAIN, name["partition_id"], name["transaction_id"])
        assert found is not None  # the duplicate look-up knows what was filled in
        assert await server.stored(QUEUE) == 3_000
        await replace(cell, push=replace(cell.push, ids="uuid4")).prepare(bench)
        assert await server.stored(QUEUE) == 3_000  # a cell of the same server has filled it
    assert cell.described.label.endswith(", 3,000 messages")


async def test_the_index_of_a_filled_table_has_the_size_of_its_rows(
    tmp_path: Path, database: Database, postgres: PostgresServer
) -> None:
    cell = FilledPush(HttpPush(LARGE, 100, 4), rows=60_000)
    async with standing(LARGE, database, postgres, tmp_path) as (server, bench):
        await cell.prepare(bench)
        filled = await server.control.fetchval(INDEX_BYTES)
        await server.control.execute("reindex index queen.messages_transaction")
        assert filled == await server.control.fetchval(INDEX_BYTES)


@pytest.mark.parametrize("rows", [1, 7, STATEMENT_ROWS, 12 * STATEMENT_ROWS + 3])
def test_a_table_is_filled_in_whole_turns_of_bounded_statements(rows: int) -> None:
    portions = list(_portions(rows, partitions=5))
    assert sum(portions) == rows
    assert len(portions) % 5 == 0
    assert max(portions) <= STATEMENT_ROWS
    assert max(portions) - min(portions) <= 1


def delivers(messages: int) -> Callable[[str, str, bytes], Answer]:
    """A server that answers every pop with so many messages."""
    message = {"transactionId": "t", "partitionId": "p", "leaseId": ""}
    return lambda method, path, body: (200, json.dumps({"messages": [message] * messages}).encode())


async def test_pops_that_move_no_cursor_are_noticed(
    tmp_path: Path, database: Database, postgres: PostgresServer, listener: Listener
) -> None:
    listener.answer = delivers(1)
    cell = IdlePop(IDLE, idle=3)
    async with standing(IDLE, database, postgres, tmp_path, listener.url) as (_, bench):
        await cell.prepare(bench)
        measured = await cell.measure(bench, ASKED)
    assert measured.unaccounted
    assert measured.faults == (disagreement(0, measured.run_messages, cut=1),)


async def test_an_empty_pop_that_finds_something_does_not_count(
    tmp_path: Path, database: Database, postgres: PostgresServer, listener: Listener
) -> None:
    listener.answer = delivers(1)
    async with standing(IDLE, database, postgres, tmp_path, listener.url) as (_, bench):
        measured = await IdlePop(IDLE, idle=3, empty=True).measure(bench, ASKED)
    assert any("pops found something" in fault for fault in measured.faults)


async def test_polls_that_are_answered_were_not_parked(
    tmp_path: Path, database: Database, postgres: PostgresServer, listener: Listener
) -> None:
    parked = iter((3, 0))

    def answer(method: str, path: str, body: bytes) -> Answer:
        if path != "/metrics":
            return 503, b"{}"
        told = {"parkedPolls": next(parked), "workers": {"expected": 1, "answered": 1}}
        return 200, json.dumps(told).encode()

    listener.answer = answer
    async with standing(IDLE, database, postgres, tmp_path, listener.url) as (_, bench):
        measured = await ParkedPolls(IDLE, polls=3, queues=1).measure(bench, ASKED)
    assert len(measured.faults) == 1
    assert measured.faults[0].startswith("3 of 3 polls did not stay parked: GET /api/v1/pop/")
    assert "status 503" in measured.faults[0]


def test_the_slowest_step_is_told_by_the_median_one() -> None:
    assert slowest_to_median([100.0, 50.0, 100.0, 120.0, 90.0]) == 0.5
    assert slowest_to_median([0.0, 0.0, 0.0, 10.0]) == 0.0


@contextmanager
def waiting_python(program: str) -> Iterator[int]:
    """A process that runs until the end of the block."""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as process:
        try:
            yield process.pid
        finally:
            process.communicate(b"\n")


async def test_the_memory_of_the_processes_that_serve() -> None:
    """The parent of workers serves nothing itself; one that has no children does."""
    parent = (
        "import subprocess, sys; big = b'x' * (64 << 20); subprocess.run([sys.executable, '-c', 'input()'])"
    )
    with waiting_python("input()") as alone, waiting_python(parent) as supervisor:
        assert worker_pids(alone) == [alone]
        await until(lambda: worker_pids(supervisor) != [supervisor])
        (worker,) = worker_pids(supervisor)
        await until(lambda: MIB < resident_bytes(worker) < 64 * MIB)  # before its exec it is as its parent
        assert resident_bytes(supervisor) > 64 * MIB
    assert resident_bytes(worker) == 0
