"""The auditor reads the real table: what is broken in it by hand after an honest load is found."""

import pytest

from queen.local.database import Database
from queen.local.server import QueenServer
from tests.databases import connected

from .audit import audit
from .findings import Kind, kinds
from .load import GROUPS, LEASE_S, PARTITIONS, running
from .table import read_table

pytestmark = pytest.mark.asyncio(loop_scope="session")

PARTITION = """
    select p.id from queen.partitions p join queen.queues q on q.id = p.queue_id
    where q.name = $1 and p.name = $2
"""
LOSE = "delete from queen.messages where position = 2 and partition_id = $1"
DOUBLE = """
    insert into queen.messages (id, transaction_id, queue_id, partition_id, position, payload, created_at)
    select id, transaction_id, queue_id, partition_id, 1000000, payload, created_at
    from queen.messages where position = 3 and partition_id = $1
"""
MOVE_TO_THE_FRONT = """
    update queen.messages set position = 2 where partition_id = $1
    and position = (select max(position) from queen.messages where partition_id = $1 and position < 1000000)
"""
REWIND = "update queen.cursors set position = position - 1 where partition_id = $1"


async def test_what_is_broken_by_hand_is_found(server: QueenServer, database: Database, queue: str) -> None:
    async with running(queue, lambda: server.url) as load:
        await load.progress()
        verdict = await load.drained(database)
    assert not verdict.findings, str(verdict)
    async with connected(database) as connection:
        partition_id = await connection.fetchval(PARTITION, queue, PARTITIONS[0])
        for breakage in (LOSE, DOUBLE, MOVE_TO_THE_FRONT, REWIND):
            assert not (await connection.execute(breakage, partition_id)).endswith(" 0")
    broken = audit(await read_table(database, queue), load.records, GROUPS, LEASE_S)
    assert kinds(broken.findings) == {
        Kind.LOST,
        Kind.DOUBLED,
        Kind.GAP,
        Kind.REORDERED,
        Kind.OUT_OF_ORDER,
        Kind.INVENTED,
        Kind.NOT_COMMITTED,
    }
