"""What the watch is for: polls that wait while something happens of which nobody tells them.

`elsewhere` is another server process from which no wake-up ever comes.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
import pytest_asyncio

from queen.core.looking import PopRequest
from queen.core.pop import Delivery
from queen.core.store import PartitionName, Place, QueueOptions
from queen.core.wakeups import Waiter
from queen.core.watching import WATCH_INTERVAL_S
from queen.local.database import Database
from queen.local.postgres import PostgresServer
from queen.settings import PushStrategy
from tests.attempts import attempts, in_time
from tests.databases import connected
from tests.messages import new_message
from tests.waiting import DEADLINE_S, until

from .conftest import Ear, Queue, open_queue, settings_for, soon
from .orders import names

NOTICED_S = WATCH_INTERVAL_S + 0.7  # by the next question
PARTITIONS = pytest.mark.parametrize("partition", [None, "p"])
FILL = """
with queue as (insert into queen.queues (name) values ('orders') returning id),
     parts as (insert into queen.partitions (queue_id, name) select id, 'p' from queue returning id),
     groups as (insert into queen.consumer_groups (queue_name, name)
                select 'orders', 'g' || n from generate_series(1, $1) n returning id)
insert into queen.cursors (partition_id, group_id, position, available_at)
select parts.id, groups.id, 0, 'infinity' from parts, groups
"""


@pytest_asyncio.fixture
async def elsewhere(each_database: Database, queue: Queue) -> AsyncIterator[Queue]:
    async with open_queue(settings_for(each_database)) as opened:
        yield opened


async def push(queue: Queue, *texts: str, to: str = "orders") -> None:
    items = [new_message(PartitionName(to, "p"), f'"{text}"', text) for text in texts]
    await queue.pushers[PushStrategy.BATCH].push(items, soon())


@asynccontextmanager
async def watched(
    queue: Queue, partition: str | None, options: QueueOptions | None = None, name: str = "orders"
) -> AsyncIterator["asyncio.Task[Delivery | None]"]:
    """A poll that waits in a queue where there was something before, and looks for nothing by itself."""
    await push(queue, "before", to=name)
    assert await queue.pop(PopRequest(name, "p", auto_ack=True)) is not None
    await queue.store.configure(name, "", "", options or QueueOptions(), soon())
    poll = asyncio.create_task(queue.pop(PopRequest(name, partition, wait_ms=60_000)))
    await until(lambda: len(queue.wakeups.watched()) == 1)
    try:
        yield poll
    finally:
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)


@asynccontextmanager
async def unwatched(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The watch asks for nobody meanwhile, and no question of before is under way."""
    begun = asyncio.Event()

    def nobody() -> list[tuple[Waiter, Place]]:
        begun.set()
        return []

    with monkeypatch.context() as patch:
        patch.setattr(queue.wakeups, "watched", nobody)
        await begun.wait()
        yield


async def got(poll: "asyncio.Task[Delivery | None]") -> list[str]:
    async with asyncio.timeout(DEADLINE_S):  # by itself it would wait for a minute
        return names(await poll)


@PARTITIONS
async def test_a_push_that_nobody_told_of_is_found(
    queue: Queue, elsewhere: Queue, partition: str | None
) -> None:
    for attempt in attempts():
        name = f"orders-{attempt.number}"
        with attempt:
            async with watched(queue, partition, name=name) as poll:
                await push(elsewhere, "a", to=name)
                pushed_s = time.perf_counter()
                assert await got(poll) == ["a"]
                in_time(time.perf_counter() - pushed_s, NOTICED_S)


@PARTITIONS
async def test_a_lease_of_another_process_that_runs_out_is_noticed_at_once(
    queue: Queue, elsewhere: Queue, partition: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for attempt in attempts():
        name = f"orders-{attempt.number}"
        with attempt:
            async with watched(queue, partition, QueueOptions(lease_time=2), name) as poll:
                async with unwatched(queue, monkeypatch):  # or the poll might be the quicker one
                    await push(elsewhere, "a", to=name)
                    asked_s = time.perf_counter()
                    assert await elsewhere.popper.pop(PopRequest(name, "p"), Ear()) is not None
                leased_s = time.perf_counter()
                assert await got(poll) == ["a"]
                got_s = time.perf_counter()
            assert got_s - asked_s > 1.98
            in_time(got_s - leased_s, 2.4)


@PARTITIONS
async def test_a_delayed_message_is_had_when_it_falls_due(
    queue: Queue, elsewhere: Queue, partition: str | None
) -> None:
    for attempt in attempts():
        name = f"orders-{attempt.number}"
        with attempt:
            async with watched(queue, partition, QueueOptions(delayed_processing=2), name) as poll:
                pushing_s = time.perf_counter()
                await push(elsewhere, "a", to=name)
                pushed_s = time.perf_counter()
                assert await got(poll) == ["a"]
                got_s = time.perf_counter()
            assert got_s - pushing_s > 1.98
            in_time(got_s - pushed_s, 2.4)


@PARTITIONS
@pytest.mark.parametrize("subscription", [False, True])
async def test_a_group_that_is_deleted_is_made_anew(
    queue: Queue, elsewhere: Queue, partition: str | None, subscription: bool
) -> None:
    """It starts where groups start, so it gets what it had before; with its subscription it loses its id."""
    async with watched(queue, partition) as poll:
        await elsewhere.store.delete_group("__QUEUE_MODE__", None, subscription, soon())
        assert await got(poll) == ["before"]


@PARTITIONS
async def test_a_queue_that_is_deleted_and_made_anew_is_found(
    queue: Queue, elsewhere: Queue, partition: str | None
) -> None:
    async with watched(queue, partition) as poll:
        assert await elsewhere.store.delete_queue("orders", soon())
        await push(elsewhere, "a")
        assert await got(poll) == ["a"]


async def test_a_database_that_is_away_for_a_while_loses_nobody(
    queue: Queue,
    elsewhere: Queue,
    each_database: Database,
    each_postgres: PostgresServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No poll is told, one line is logged, and what was to be found is found afterwards."""
    async with watched(queue, None) as poll, connected(each_postgres.address()) as admin:
        with caplog.at_level(logging.INFO):
            await _allow(admin, each_database, False)
            try:
                await until(lambda: "watch_failed" in [record.message for record in caplog.records])
                failing_s = time.perf_counter()
                await until(lambda: time.perf_counter() > failing_s + 2.5 * WATCH_INTERVAL_S)
            finally:
                await _allow(admin, each_database, True)
        assert [record.message for record in caplog.records].count("watch_failed") <= 2  # one a process
        assert not poll.done()
        await push(elsewhere, "a")
        assert await got(poll) == ["a"]


async def _allow(admin: "asyncpg.Connection[asyncpg.Record]", database: Database, allowed: bool) -> None:
    """Let sessions of the database begin and live, or neither."""
    await admin.execute(f"alter database {database.name} allow_connections {allowed}")
    if not allowed:
        await admin.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", database.name
        )


async def test_a_drain_answers_whoever_is_watched(queue: Queue) -> None:
    async with watched(queue, None) as poll:
        queue.wakeups.close()
        assert await got(poll) == []
        assert queue.wakeups.watched() == []


async def due(queue: Queue, places: Sequence[Place], within_ms: float = 200_000) -> dict[int, float]:
    return await queue.store.find_due(places, within_ms, soon())


async def test_what_is_due_is_told_of_a_group_of_a_partition_and_of_what_is_gone(queue: Queue) -> None:
    await queue.sql(FILL, 5)
    groups = [
        int(str(group)) for (group,) in await queue.sql("select id from queen.consumer_groups order by 1")
    ]
    [(partition,)] = await queue.sql("select id from queen.partitions")
    part = int(str(partition))
    for group, at in zip(groups, ("infinity", "-1 s", "100 s", "1 hour"), strict=False):
        await queue.sql(
            "update queen.cursors set available_at ="
            " case when $2 = 'infinity' then 'infinity' else now() + nullif($2, 'infinity')::interval end"
            " where group_id = $1",
            group,
            at,
        )
    await queue.sql("update queen.consumer_groups set active = false where id = $1", groups[4])
    for place in (None, part):
        found = await due(queue, [Place(group, place) for group in groups])
        assert set(found) == {1, 2, 4}
        assert found[1] == found[4] == 0
        assert 50_000 < found[2] < 100_000
    assert await due(queue, [Place(groups[0], part + 1), Place(groups[-1] + 1, None)]) == {0: 0, 1: 0}
    assert await due(queue, []) == {}
    assert await due(queue, [Place(groups[2], None)], within_ms=100) == {}
