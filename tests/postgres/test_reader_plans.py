"""Reading is cheap however much there is: 5,000 partitions are read soon, and messages are not counted."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from queen.core.reading import DeadLetterFilter, MessageFilter, Page, Scope, Window
from queen.core.store import QUEUE_MODE_GROUP
from queen.local.database import Database
from queen.postgres.reader import PostgresReader

from .conftest import Queue, open_queue, settings_for, soon

PARTITIONS = 5_000
MESSAGES = 40  # in each
GROUPS = (QUEUE_MODE_GROUP, "a", "b")
SOON_S = 2.0  # the better of two tries; on an idle machine it is some 50 ms
TRIES = 2

Question = Callable[[PostgresReader], Awaitable[object]]


def messages(status: str | None = None, page: Page | None = None) -> Question:
    wanted = MessageFilter(Scope(), None, status, Window())
    return lambda reader: reader.messages(wanted, page or Page(200, 0), soon())


QUESTIONS: dict[str, Question] = {
    "messages": messages(),
    "messages, the last page": messages(page=Page(1000, 10_000)),
    "messages that are pending": messages("pending"),
    "dead letters": lambda reader: reader.dead_letters(
        DeadLetterFilter(None, None, None, Window()), Page(100, 0), soon()
    ),
    "queues": lambda reader: reader.queues(Scope(), Page(1000, 0), soon()),
    "queue": lambda reader: reader.queue("orders", soon()),
    "depth": lambda reader: reader.depth("orders", "a", 1000, soon()),
    "status": lambda reader: reader.status(Scope(), Window(), 10, soon()),
    "groups": lambda reader: reader.groups(Page(1000, 0), soon()),
    "group": lambda reader: reader.group("a", soon()),
}


@pytest_asyncio.fixture
async def full(each_database: Database) -> AsyncIterator[Queue]:
    """Messages of the last minute, one connection; groups that have read a half, a quarter, nothing."""
    async with open_queue(settings_for(each_database, db_pool_size=1)) as queue:
        for statement in FILL.split(";"):
            await queue.sql(statement)
        # What autovacuum would do sooner or later: its scans of the table are not ours.
        await queue.sql("select brin_summarize_new_values('queen.messages_created_at')")
        for number, group in enumerate(GROUPS):
            await queue.store.register_group("orders", group, "all", None, soon())
            await queue.sql(
                "update queen.cursors c set position = $2 from queen.consumer_groups g"
                " where g.id = c.group_id and g.name = $1",
                group,
                [MESSAGES // 2, MESSAGES // 4, 0][number],
            )
        yield queue


FILL = f"""
insert into queen.queues (name) values ('orders');
insert into queen.partitions (queue_id, name, head, last_created_at)
select q.id, 'p' || i, {MESSAGES}, now() from queen.queues q, generate_series(1, {PARTITIONS}) i;
insert into queen.messages (id, transaction_id, queue_id, partition_id, position, payload, created_at)
select gen_random_uuid(), m::text, p.queue_id, p.id, m, '1', now() - make_interval(secs => {MESSAGES} - m)
from generate_series(1, {MESSAGES}) m, queen.partitions p
"""


async def read_of_messages(queue: Queue) -> tuple[int, int]:
    """Sequential scans of the table so far, and index entries read on the way to its rows."""
    await queue.sql("select pg_stat_force_next_flush()")
    [(scans,)] = await queue.sql("select seq_scan from pg_stat_user_tables where relname = 'messages'")
    [(entries,)] = await queue.sql(
        "select idx_tup_read from pg_stat_user_indexes where indexrelname = 'messages_pkey'"
    )
    return int(str(scans)), int(str(entries))


@pytest.mark.parametrize("postgres_version", [15, 18], indirect=True, ids=lambda major: f"pg{major}")
async def test_five_thousand_partitions_are_read_soon_and_messages_are_not_counted(full: Queue) -> None:
    reader = PostgresReader(full.pool)
    took_s: dict[str, float] = {}
    for name, ask in QUESTIONS.items():
        scans, entries = await read_of_messages(full)
        took_s[name] = SOON_S
        for _ in range(TRIES):
            started_s = time.perf_counter()
            await ask(reader)
            took_s[name] = min(took_s[name], time.perf_counter() - started_s)
        scans_after, entries_after = await read_of_messages(full)
        assert scans_after == scans, f"{name}: the table was scanned"
        assert (entries_after - entries) / TRIES < 8 * PARTITIONS < PARTITIONS * MESSAGES, name
    assert max(took_s.values()) < SOON_S, took_s
