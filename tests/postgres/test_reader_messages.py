"""Messages and dead letters as they are listed: every filter, true pages, and what each row says."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from queen.core.reading import (
    COUNTED_DEAD_LETTERS,
    DeadLetterFilter,
    GroupView,
    MessageFilter,
    MessageList,
    Page,
    Scope,
    Window,
)
from queen.core.store import QUEUE_MODE_GROUP, QueueOptions
from queen.postgres.reader import PostgresReader

from .conftest import Queue, soon
from .orders import ack, age, pop, push

EVERYTHING = Page(limit=1000, offset=0)
ANY = DeadLetterFilter(queue=None, group=None, partition=None, window=Window())
HOUR = timedelta(hours=1)


@pytest.fixture
def reader(queue: Queue) -> PostgresReader:
    return PostgresReader(queue.pool)


def wanted(
    scope: Scope | None = None,
    partition: str | None = None,
    status: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> MessageFilter:
    return MessageFilter(scope or Scope(queue="orders"), partition, status, Window(since, until))


def names(found: MessageList) -> list[str]:
    return [message.transaction_id for message in found.messages.items]


async def test_messages_come_newest_first_over_all_partitions_in_true_pages(
    queue: Queue, reader: PostgresReader
) -> None:
    for number in range(9):
        await push(queue, str(number), partition="pqr"[number % 3])
    pages = [await reader.messages(wanted(), Page(4, offset), soon()) for offset in (0, 4, 8, 12)]
    assert [names(page) for page in pages] == [list("8765"), list("4321"), ["0"], []]
    assert {page.messages.total for page in pages} == {9}


async def test_a_window_of_time_has_both_its_ends(queue: Queue, reader: PostgresReader) -> None:
    await push(queue, *"abcde")
    times = [
        message.created_at for message in (await reader.messages(wanted(), EVERYTHING, soon())).messages.items
    ]
    found = await reader.messages(wanted(since=times[3], until=times[1]), EVERYTHING, soon())
    assert (names(found), found.messages.total) == (["d", "c", "b"], 3)
    instant = timedelta(microseconds=1)
    found = await reader.messages(
        wanted(since=times[3] + instant, until=times[1] - instant), EVERYTHING, soon()
    )
    assert (names(found), found.messages.total) == (["c"], 1)


async def test_without_a_window_it_is_the_last_hour(queue: Queue, reader: PostgresReader) -> None:
    await push(queue, "old", "young")
    await age(queue, "old", 2 * HOUR)
    found = await reader.messages(wanted(), EVERYTHING, soon())
    assert (names(found), found.messages.total) == (["young"], 1)
    back_then = datetime.now(UTC) - 1.5 * HOUR
    assert names(await reader.messages(wanted(until=back_then), EVERYTHING, soon())) == ["old"]
    found = await reader.messages(wanted(since=back_then - HOUR), EVERYTHING, soon())
    assert names(found) == ["young", "old"]


async def test_messages_by_queue_partition_namespace_and_task(queue: Queue, reader: PostgresReader) -> None:
    await queue.store.configure("orders", "shop", "sell", QueueOptions(), soon())
    await queue.store.configure("bills", "shop", "pay", QueueOptions(), soon())
    await push(queue, "a", partition="p")
    await push(queue, "b", partition="q")
    await push(queue, "c", to="bills", partition="q")
    for scope, partition, expected in [
        (Scope(), None, ["c", "b", "a"]),
        (Scope(queue="orders"), None, ["b", "a"]),
        (Scope(), "q", ["c", "b"]),
        (Scope(namespace="shop"), None, ["c", "b", "a"]),
        (Scope(task="pay"), None, ["c"]),
        (Scope(namespace="elsewhere"), None, []),
        (Scope(queue="orders", task="pay"), None, []),
    ]:
        found = await reader.messages(wanted(scope, partition), EVERYTHING, soon())
        assert (names(found), found.messages.total) == (expected, len(expected))


async def test_with_named_groups_alone_the_one_that_lags_most_decides(
    queue: Queue, reader: PostgresReader
) -> None:
    await push(queue, *"abc")
    await ack(queue, await pop(queue, group="fast"), *["completed"] * 3, group="fast")
    await ack(queue, await pop(queue, batch=2, group="slow"), "completed", group="slow")
    found = await reader.messages(wanted(), EVERYTHING, soon())
    assert (found.queue_mode, found.named_groups) == (False, 2)
    rows = {message.transaction_id: message for message in found.messages.items}
    assert {name: row.status for name, row in rows.items()} == {
        "a": "completed",
        "b": "processing",
        "c": "pending",
    }
    assert {name: row.consumed_by for name, row in rows.items()} == {"a": 2, "b": 1, "c": 1}
    assert {row.queue_status for row in rows.values()} == {None}
    assert [name for name, row in rows.items() if row.lease_expires_at] == ["b"]


async def test_queue_mode_decides_where_it_reads(queue: Queue, reader: PostgresReader) -> None:
    await push(queue, "a", "b")
    await queue.store.register_group("orders", "slow", "all", None, soon())
    await ack(queue, await pop(queue, batch=1), "completed")
    found = await reader.messages(wanted(), EVERYTHING, soon())
    assert (found.queue_mode, found.named_groups) == (True, 1)
    assert [(row.status, row.queue_status, row.consumed_by) for row in found.messages.items] == [
        ("pending", "pending", 0),
        ("completed", "completed", 0),
    ]


async def test_one_message_tells_each_group(queue: Queue, reader: PostgresReader) -> None:
    await queue.store.configure("orders", "", "", QueueOptions(lease_time=77, retry_limit=5), soon())
    [a, _] = await push(queue, "a", "b")
    await ack(queue, await pop(queue, group="done"), "completed", group="done")
    await ack(queue, await pop(queue, group="busy"), "failed", group="busy")
    await pop(queue, group="busy")
    detail = await reader.message(UUID(a.partition.uuid), "a", soon())
    assert detail is not None
    assert detail.payload == '{"n": "a"}'
    assert (detail.lease_time_s, detail.retry_limit, detail.retry_count, detail.error) == (77, 5, 1, None)
    [busy, done] = detail.groups
    assert done == GroupView("done", consumed=True, lease_expires_at=None)
    assert (busy.name, busy.consumed) == ("busy", False)
    assert busy.lease_expires_at == detail.summary.lease_expires_at
    assert busy.lease_expires_at is not None


async def test_there_is_no_such_message(queue: Queue, reader: PostgresReader) -> None:
    [a] = await push(queue, "a")
    assert await reader.message(UUID(a.partition.uuid), "b", soon()) is None
    assert await reader.message(uuid4(), "a", soon()) is None


async def test_a_dead_letter_outlives_its_message(queue: Queue, reader: PostgresReader) -> None:
    [a] = await push(queue, "a")
    await ack(queue, await pop(queue), "dlq", error="boom")
    detail = await reader.message(UUID(a.partition.uuid), "a", soon())
    assert detail is not None
    assert (detail.summary.status, detail.error) == ("dead_letter", "boom")
    await queue.sql("with gone as (delete from queen.messages) update queen.partitions set tail = head")
    assert await reader.message(UUID(a.partition.uuid), "a", soon()) is None
    assert (await reader.messages(wanted(status="dead_letter"), EVERYTHING, soon())).messages.total == 0
    [letter] = (await reader.dead_letters(ANY, EVERYTHING, soon())).items
    assert (letter.transaction_id, letter.payload, letter.error) == ("a", '{"n": "a"}', "boom")
    [status] = (await reader.status(Scope(), Window(), 10, soon())).queues
    assert (status.counts.total, status.counts.completed, status.counts.dead_letter) == (0, 0, 1)


async def test_a_message_that_died_twice_is_missing_once(queue: Queue, reader: PostgresReader) -> None:
    await push(queue, "a", "b")
    for _ in range(2):
        await ack(queue, await pop(queue), "dlq", "completed")
        beginning = datetime(2000, 1, 1, tzinfo=UTC)
        await queue.store.seek("orders", QUEUE_MODE_GROUP, None, beginning, soon())
    await ack(queue, await pop(queue), "completed", "completed")
    [status] = (await reader.status(Scope(), Window(), 10, soon())).queues
    assert (status.counts.completed, status.counts.dead_letter) == (1, 2)
    assert names(await reader.messages(wanted(status="dead_letter"), EVERYTHING, soon())) == ["a"]


async def test_dead_letters_by_every_filter(queue: Queue, reader: PostgresReader) -> None:
    await push(queue, "a", partition="p")
    await push(queue, "b", partition="q")
    await ack(queue, await pop(queue, batch=1), "dlq")
    await ack(queue, await pop(queue, batch=1), "dlq")
    await ack(queue, await pop(queue, batch=1, group="g"), "dlq", group="g")

    async def found(page: Page = EVERYTHING, **filters: object) -> tuple[list[str], int]:
        fields = {"queue": None, "group": None, "partition": None, "window": Window(), **filters}
        letters = await reader.dead_letters(DeadLetterFilter(**fields), page, soon())  # type: ignore[arg-type]
        return [f"{letter.group}:{letter.transaction_id}" for letter in letters.items], letters.total

    mode = QUEUE_MODE_GROUP
    everything = ["g:a", f"{mode}:b", f"{mode}:a"]
    assert await found() == (everything, 3)
    assert await found(Page(1, 1)) == (everything[1:2], 3)
    assert await found(Page(5, 3)) == ([], 3)
    assert await found(queue="orders", group="g") == (["g:a"], 1)
    assert await found(partition="q") == ([f"{mode}:b"], 1)
    assert await found(queue="bills") == ([], 0)
    now = datetime.now(UTC)
    assert await found(window=Window(since=now - HOUR, until=now + HOUR)) == (everything, 3)
    assert await found(window=Window(since=now + HOUR)) == ([], 0)
    assert await found(window=Window(until=now - HOUR)) == ([], 0)


async def test_a_total_of_dead_letters_is_counted_so_far_and_no_further(
    queue: Queue, reader: PostgresReader
) -> None:
    await push(queue, "a")
    await ack(queue, await pop(queue), "dlq")
    await queue.sql(
        "insert into queen.dead_letters (queue_id, partition_id, consumer_group, position, message_id,"
        " transaction_id, payload, error, retry_count, created_at)"
        " select queue_id, partition_id, 'g', position, message_id, transaction_id, payload, error, 0,"
        " created_at from queen.dead_letters, generate_series(1, $1)",
        COUNTED_DEAD_LETTERS + 10,
    )
    letters = await reader.dead_letters(ANY, Page(1, 0), soon())
    assert (len(letters.items), letters.total) == (1, COUNTED_DEAD_LETTERS + 1)


async def test_an_expired_lease_holds_nothing(queue: Queue, reader: PostgresReader) -> None:
    [a] = await push(queue, "a")
    await pop(queue)
    await queue.sql("update queen.cursors set lease_expires_at = now() - interval '1 s'")
    [status] = (await reader.status(Scope(), Window(), 10, soon())).queues
    assert (status.leases, status.handed_out) == (0, 0)
    assert (status.counts.pending, status.counts.processing) == (1, 0)
    detail = await reader.message(UUID(a.partition.uuid), "a", soon())
    assert detail is not None
    assert (detail.summary.status, detail.summary.lease_expires_at) == ("pending", None)


async def test_the_view_for_people_says_what_each_message_is_to_each_group(queue: Queue) -> None:
    await push(queue, *"abcd")
    await ack(queue, await pop(queue, batch=3), "dlq", "completed")
    await pop(queue, batch=1, group="audit")
    await push(queue, "unread", to="bills")
    assert await queue.sql(
        "select consumer_group, transaction_id, status from queen.message_status order by 1 nulls last, 2"
    ) == [
        (QUEUE_MODE_GROUP, "a", "dead_letter"),
        (QUEUE_MODE_GROUP, "b", "completed"),
        (QUEUE_MODE_GROUP, "c", "processing"),
        (QUEUE_MODE_GROUP, "d", "pending"),
        ("audit", "a", "processing"),
        ("audit", "b", "pending"),
        ("audit", "c", "pending"),
        ("audit", "d", "pending"),
        (None, "unread", "pending"),
    ]
