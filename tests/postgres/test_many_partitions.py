"""5,000 partitions: a new group is registered soon, and a pop never scans for its partition."""

import asyncio
import time

from queen.core.looking import PopRequest
from queen.core.store import PartitionName
from queen.local.database import Database
from queen.settings import PushStrategy
from tests.attempts import attempts, in_time
from tests.messages import new_message
from tests.waiting import until

from .conftest import Queue, open_queue, settings_for, soon
from .delivered import messages

PARTITIONS = 5_000
CONSUMERS = 10
SOON_S = 2.0


async def fill(queue: Queue) -> None:
    """One message in each partition."""
    for first in range(0, PARTITIONS, 500):
        items = [
            new_message(PartitionName("orders", f"p{number}"), "1", str(number))
            for number in range(first, first + 500)
        ]
        await queue.pushers[PushStrategy.BATCH].push(items, soon())


async def drain(queue: Queue, group: str) -> list[str]:
    """What the consumers get until there is nothing more."""
    got: list[str] = []

    async def consumer() -> None:
        while delivery := await queue.pop(PopRequest("orders", None, group=group, auto_ack=True)):
            got.extend(message.transaction_id for message in messages(delivery))

    await asyncio.gather(*(consumer() for _ in range(CONSUMERS)))
    return got


async def scans(database: Database) -> dict[object, object]:
    """Sequential scans of each table so far, once all sessions have ended and told theirs."""
    async with open_queue(settings_for(database)) as queue:

        async def alone() -> bool:
            [(sessions,)] = await queue.sql(
                "select count(*) from pg_stat_activity where datname = current_database()"
            )
            return sessions == 1

        await until(alone)
        rows = await queue.sql("select relname, seq_scan from pg_stat_user_tables where schemaname = 'queen'")
        return {row[0]: row[1] for row in rows}


async def test_registering_a_group_and_draining_many_partitions(database: Database) -> None:
    async with open_queue(settings_for(database)) as queue:
        await fill(queue)
        for attempt in attempts():
            with attempt:
                group = f"g{attempt.number}"
                started_s = time.perf_counter()
                await queue.store.register_group("orders", group, "all", None, soon())
                in_time(time.perf_counter() - started_s, SOON_S)
    before = await scans(database)
    async with open_queue(settings_for(database)) as queue:
        got = await drain(queue, group)
    assert sorted(got, key=int) == [str(number) for number in range(PARTITIONS)]
    after = await scans(database)
    for table in ("cursors", "partitions", "messages"):
        assert after[table] == before[table], f"{table} was scanned"
