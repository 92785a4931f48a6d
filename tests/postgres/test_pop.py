"""Pop: order, leases, groups and waiting, on a real table."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.looking import PopRequest
from queen.core.notices import Change
from queen.core.pop import FALLBACK_POLL_S, Delivery, Landed
from queen.core.sharing import Boarded
from queen.core.store import (
    QUEUE_MODE_GROUP,
    AckItem,
    Partition,
    PartitionName,
    PopOutcome,
    PopQuery,
    QueueOptions,
)
from queen.core.watching import WATCH_INTERVAL_S
from queen.errors import DataRefused
from queen.postgres.store import PostgresStore
from queen.settings import PushStrategy
from tests.attempts import attempts, in_time
from tests.messages import new_message
from tests.waiting import over, until

from .conftest import Ear, Queue, open_queue, popping, settings_for, soon
from .delivered import messages
from .orders import names


async def push(queue: Queue, *names: str, partition: str = "p", to: str = "orders") -> None:
    items = [new_message(PartitionName(to, partition), f'"{name}"', name) for name in names]
    await queue.pushers[PushStrategy.BATCH].push(items, soon())


async def test_auto_ack_commits_at_once(queue: Queue) -> None:
    await push(queue, "a", "b", "c")
    first = await queue.pop(PopRequest("orders", None, batch=2, auto_ack=True))
    assert first is not None
    assert first.lease_id is None
    assert names(first) == ["a", "b"]
    assert names(await queue.pop(PopRequest("orders", None, batch=2, auto_ack=True))) == ["c"]
    assert await queue.pop(PopRequest("orders", None, batch=2, auto_ack=True)) is None


async def test_a_lease_blocks_its_group_on_its_partition_only(queue: Queue) -> None:
    await push(queue, "a", partition="p")
    await push(queue, "b", partition="q")
    assert names(await queue.pop(PopRequest("orders", "p"))) == ["a"]
    assert await queue.pop(PopRequest("orders", "p")) is None
    assert names(await queue.pop(PopRequest("orders", None))) == ["b"]
    assert names(await queue.pop(PopRequest("orders", "p", group="other"))) == ["a"]


async def test_several_partitions_under_one_lease_keep_their_order(queue: Queue) -> None:
    for partition in "pqr":
        await push(queue, f"{partition}1", f"{partition}2", partition=partition)
    delivery = await queue.pop(PopRequest("orders", None, batch=5, partitions=3))
    got = names(delivery)
    assert len(got) == 5
    for partition in "pqr":
        mine = [name for name in got if name.startswith(partition)]
        assert mine == sorted(mine)
        assert got.index(mine[0]) + len(mine) - 1 == got.index(mine[-1]), "grouped by partition"


async def test_a_message_that_was_answered_is_seen_at_once(queue: Queue) -> None:
    """Read your writes, however many pops of the same group look at the same time."""
    for number in range(50):
        popping = [
            asyncio.create_task(queue.pop(PopRequest("orders", None, auto_ack=True))) for _ in range(3)
        ]
        await push(queue, str(number))
        seen = await queue.pop(PopRequest("orders", None, auto_ack=True))
        others = [delivery for task in popping if (delivery := await task) is not None]
        delivered = names(seen) + [name for delivery in others for name in names(delivery)]
        assert delivered == [str(number)]


async def test_a_waiting_pop_wakes_on_a_push(queue: Queue) -> None:
    waiting = asyncio.create_task(queue.pop(PopRequest("orders", None, wait_ms=20_000)))
    async with asyncio.timeout(10):
        await until(lambda: queue.wakeups.parked == 1)
        await push(queue, "a")
        assert names(await waiting) == ["a"]


async def test_a_waiting_pop_wakes_when_a_lease_is_given_back(queue: Queue) -> None:
    await push(queue, "a")
    held = await queue.pop(PopRequest("orders", "p"))
    assert held is not None
    waiting = asyncio.create_task(queue.pop(PopRequest("orders", "p", wait_ms=20_000)))
    async with asyncio.timeout(10):
        await until(lambda: queue.wakeups.parked == 1)
        message = messages(held)[0]
        retry = AckItem(message.partition_id, message.transaction_id, "retry", str(held.lease_id))
        await queue.ack("__QUEUE_MODE__", [retry])
        assert names(await waiting) == ["a"]


async def test_nobody_waits_longer_than_asked(queue: Queue) -> None:
    started_s = time.perf_counter()
    assert await queue.pop(PopRequest("nosuch", None, wait_ms=50)) is None
    assert 0.05 <= time.perf_counter() - started_s < 5
    assert queue.wakeups.parked == 0


async def test_who_leaves_while_parked_is_let_go_at_once(queue: Queue) -> None:
    ear = Ear()
    waiting = asyncio.create_task(queue.pop(PopRequest("orders", None, wait_ms=20_000), ear))
    await until(lambda: queue.wakeups.parked == 1)
    ear.leave()
    async with asyncio.timeout(10):
        assert await waiting is None
    assert ear.callbacks == []


class LeavesDuringTheLook(PostgresStore):
    """A store whose pop claims, and whose client is gone when it has."""

    ear: Ear

    async def pop_together(self, queries: Sequence[PopQuery], deadline: Deadline) -> Sequence[PopOutcome]:
        outcomes = await super().pop_together(queries, deadline)
        self.ear.leave()
        return outcomes


async def test_who_left_while_messages_were_claimed_leaves_no_lease_behind(queue: Queue) -> None:
    await push(queue, "a", "b")
    await push(queue, "c", partition="q")
    store, ear = LeavesDuringTheLook(queue.pool), Ear()
    store.ear = ear
    async with popping(store, Directory(store), queue.wakeups) as popper:
        assert await popper.pop(PopRequest("orders", None, batch=10, partitions=2), ear) is None
    again = await queue.pop(PopRequest("orders", None, batch=10, partitions=2))
    assert sorted(names(again)) == ["a", "b", "c"]
    assert again is not None
    assert {message.lease_expiries for message in messages(again)} == {0}


async def test_what_an_auto_ack_leaves_behind_wakes_the_next_in_line(queue: Queue) -> None:
    request = PopRequest("orders", None, auto_ack=True, wait_ms=20_000)
    for attempt in attempts():
        with attempt:
            waiting = [asyncio.create_task(queue.pop(request)) for _ in range(4)]
            await until(lambda: queue.wakeups.parked == 4)
            pushed = [f"{letter}{attempt.number}" for letter in "abcd"]
            started_s = time.perf_counter()
            await push(queue, *pushed)
            got = [name for delivery in await asyncio.gather(*waiting) for name in names(delivery)]
            assert sorted(got) == pushed
            in_time(time.perf_counter() - started_s, FALLBACK_POLL_S)  # nobody waited for the fallback


class GivesLittle(PostgresStore):
    """A store that can give two messages at once, as a database that can give 1 GiB."""

    batches: list[int]

    async def pop_together(self, queries: Sequence[PopQuery], deadline: Deadline) -> Sequence[PopOutcome]:
        self.batches += [query.batch for query in queries]
        if any(query.batch > 2 for query in queries):
            raise DataRefused("too much")
        return await super().pop_together(queries, deadline)


async def test_a_batch_that_is_too_large_for_one_answer_comes_in_smaller_ones(queue: Queue) -> None:
    await push(queue, "a", "b", "c")
    store = GivesLittle(queue.pool)
    store.batches = []
    async with popping(store, Directory(store), queue.wakeups) as popper:
        request = PopRequest("orders", None, batch=9, auto_ack=True)
        assert names(await popper.pop(request, Ear())) == ["a", "b"]
        boarded = popper.board(request, Ear())
        assert boarded is not None
        await over(boarded.rider)
        landed = boarded.land()
        assert asyncio.iscoroutine(landed)
        assert names(await landed) == ["c"]
    assert store.batches == [9, 4, 2, 9, 9, 4, 2]


class GivesNothing(PostgresStore):
    """A store whose only message is larger than an answer can be."""

    async def pop_together(self, queries: Sequence[PopQuery], deadline: Deadline) -> Sequence[PopOutcome]:
        raise DataRefused("too much")


async def test_a_message_that_is_too_large_for_an_answer_is_an_error(queue: Queue) -> None:
    store = GivesNothing(queue.pool)
    async with popping(store, Directory(store), queue.wakeups) as popper:
        with pytest.raises(DataRefused):
            await popper.pop(PopRequest("orders", None, batch=9), Ear())


class CountsLooks(PostgresStore):
    """A store that counts the looks into it; one at a partition that does not exist ends with `find`."""

    looks = 0

    async def pop_together(self, queries: Sequence[PopQuery], deadline: Deadline) -> Sequence[PopOutcome]:
        self.looks += len(queries)
        return await super().pop_together(queries, deadline)

    async def find(self, name: PartitionName, deadline: Deadline) -> Partition | None:
        found = await super().find(name, deadline)
        self.looks += found is None
        return found


async def test_a_boarded_pop_whose_group_was_deleted_looks_once_more(queue: Queue) -> None:
    await push(queue, "a")
    store = CountsLooks(queue.pool)
    async with popping(store, Directory(store), queue.wakeups) as popper:
        request = PopRequest("orders", None, group="g", auto_ack=True)
        assert names(await popper.pop(request, Ear())) == ["a"]
        await queue.store.delete_group("g", "orders", True, soon())
        store.looks = 0
        boarded = popper.board(request, Ear())
        assert boarded is not None
        await over(boarded.rider)
        landed = boarded.land()
        assert asyncio.iscoroutine(landed)
        assert names(await landed) == ["a"]
    assert store.looks == 2


@asynccontextmanager
async def thirty_parked(queue: Queue, partition: str | None) -> AsyncIterator[CountsLooks]:
    """So many polls, the first of which has looked once and waits."""
    store = CountsLooks(queue.pool)
    async with popping(store, Directory(store), queue.wakeups) as popper:
        request = PopRequest("orders", partition, wait_ms=60_000)
        waiting = [asyncio.create_task(popper.pop(request, Ear()))]
        await until(lambda: queue.wakeups.settled("orders", request.group, partition))
        waiting += [asyncio.create_task(popper.pop(request, Ear())) for _ in range(29)]
        await until(lambda: queue.wakeups.parked == 30)
        try:
            yield store
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
    assert queue.wakeups.parked == 0


@pytest.mark.parametrize("partition", [None, "p"])
async def test_no_parked_poll_looks_while_there_is_nothing_to_look_for(
    queue: Queue, partition: str | None
) -> None:
    await push(queue, "a")
    assert await queue.pop(PopRequest("orders", "p", auto_ack=True)) is not None
    async with thirty_parked(queue, partition) as store:
        started_s = time.perf_counter()
        await until(lambda: time.perf_counter() > started_s + 2.5 * WATCH_INTERVAL_S)
        assert store.looks == 1


async def test_of_polls_for_a_partition_that_does_not_exist_one_looks_now_and_then(queue: Queue) -> None:
    async with thirty_parked(queue, "nosuch") as store:
        started_s = time.perf_counter()
        await until(lambda: store.looks >= 3)
        assert time.perf_counter() - started_s > FALLBACK_POLL_S


@asynccontextmanager
async def boarded_in_vain(queue: Queue) -> AsyncIterator[tuple[CountsLooks, Boarded[Landed]]]:
    """A poll whose look has found nothing, and which has not landed yet."""
    first = str(uuid4())
    await push(queue, first)
    store = CountsLooks(queue.pool)
    async with popping(store, Directory(store), queue.wakeups) as popper:
        request = PopRequest("orders", None, auto_ack=True, wait_ms=20_000)
        assert names(await popper.pop(request, Ear())) == [first]
        store.looks = 0
        boarded = popper.board(request, Ear())
        assert boarded is not None
        await over(boarded.rider)
        yield store, boarded


def landing(boarded: Boarded[Landed]) -> asyncio.Task[Delivery | None]:
    """What is still to be done for it, begun."""
    landed = boarded.land()
    assert isinstance(landed, Coroutine)
    return asyncio.create_task(landed)


async def test_a_poll_that_has_found_nothing_does_not_look_again_before_it_waits(queue: Queue) -> None:
    for attempt in attempts():
        with attempt:
            async with boarded_in_vain(queue) as (store, boarded):
                waiting = landing(boarded)
                await until(lambda: queue.wakeups.settled("orders", QUEUE_MODE_GROUP, None))
                assert store.looks == 1
                started_s = time.perf_counter()
                await push(queue, f"b{attempt.number}")
                assert names(await waiting) == [f"b{attempt.number}"]
                in_time(time.perf_counter() - started_s, FALLBACK_POLL_S)
                assert store.looks == 2


async def test_what_comes_between_a_look_and_the_waiting_is_looked_for(queue: Queue) -> None:
    for attempt in attempts():
        with attempt:
            async with boarded_in_vain(queue) as (_, boarded):
                started_s = time.perf_counter()
                await push(queue, f"b{attempt.number}")
                assert names(await landing(boarded)) == [f"b{attempt.number}"]
                in_time(time.perf_counter() - started_s, FALLBACK_POLL_S)


@pytest.mark.parametrize(("told_of", "looks"), [("orders", 2), ("invoices", 1)])
async def test_what_another_process_tells_between_a_look_and_the_waiting_is_looked_for(
    queue: Queue, told_of: str, looks: int
) -> None:
    """What it tells of another queue makes nobody look."""
    async with boarded_in_vain(queue) as (store, boarded):
        queue.wakeups.hear(Change(told_of))
        waiting = landing(boarded)
        await until(lambda: queue.wakeups.settled("orders", QUEUE_MODE_GROUP, None))
        assert store.looks == looks
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_poll_that_lands_while_the_server_drains_does_not_wait(queue: Queue) -> None:
    async with boarded_in_vain(queue) as (_, boarded):
        queue.wakeups.close()
        async with asyncio.timeout(10):
            assert await landing(boarded) is None


async def test_who_parked_without_a_look_is_woken_as_the_others(queue: Queue) -> None:
    async with thirty_parked(queue, None) as store:
        await push(queue, "a", partition="p")
        await push(queue, "b", partition="q")
        await until(lambda: queue.wakeups.parked == 28)
        await until(lambda: queue.wakeups.settled("orders", QUEUE_MODE_GROUP, None))
        assert store.looks <= 1 + 2 + 2  # the first's; who was woken; who took over the lead


async def test_a_poll_behind_one_that_looks_or_is_woken_looks_itself(queue: Queue) -> None:
    """What the other finds may not be all that there is."""
    request = PopRequest("orders", None, auto_ack=True, wait_ms=20_000)
    for attempt in attempts():
        with attempt:
            first = asyncio.create_task(queue.pop(request))
            await until(lambda: queue.wakeups.settled("orders", QUEUE_MODE_GROUP, None))
            started_s = time.perf_counter()
            pushed = [f"{letter}{attempt.number}" for letter in "ab"]
            await asyncio.gather(push(queue, pushed[0], partition="p"), push(queue, pushed[1], partition="q"))
            second = asyncio.create_task(queue.pop(request))
            assert sorted(names(await first) + names(await second)) == pushed
            in_time(time.perf_counter() - started_s, FALLBACK_POLL_S)


async def test_a_poll_for_what_is_new_looks_whoever_is_parked(queue: Queue) -> None:
    """Its group may have been deleted elsewhere: then it must be there again before the next push."""
    request = PopRequest("orders", None, group="g", mode="new", wait_ms=20_000)
    async with AsyncExitStack() as stack:

        def polling() -> asyncio.Task[Delivery | None]:
            task = asyncio.create_task(queue.pop(request))
            stack.callback(task.cancel)
            return task

        polling()
        await until(lambda: queue.wakeups.settled("orders", "g", None))
        await queue.sql("delete from queen.consumer_groups")
        polling()

        async def registered() -> bool:
            return bool(await queue.sql("select from queen.consumer_groups where name = 'g'"))

        for attempt in attempts():
            with attempt:
                started_s = time.perf_counter()
                await until(registered)
                in_time(time.perf_counter() - started_s, WATCH_INTERVAL_S)


async def test_a_poll_that_boards_while_the_server_drains_does_not_wait(queue: Queue) -> None:
    async with boarded_in_vain(queue) as (store, boarded):
        assert await queue.pop(PopRequest("orders", None)) is None
        queue.wakeups.close()
        late = queue.popper.board(PopRequest("orders", None, wait_ms=20_000), Ear())
        assert late is not None
        await over(late.rider)
        async with asyncio.timeout(10):
            assert await landing(late) is None
            assert await landing(boarded) is None
        assert store.looks == 2


async def test_a_poll_that_does_not_wait_looks_whoever_is_parked(queue: Queue) -> None:
    async with thirty_parked(queue, None) as store:
        async with popping(store, Directory(store), queue.wakeups) as popper:
            assert await popper.pop(PopRequest("orders", None), Ear()) is None
        assert store.looks == 2


async def test_a_server_clock_that_is_wrong_does_not_matter(queue: Queue) -> None:
    """When to look again is a duration by the database's clock."""
    await queue.store.configure("orders", "", "", QueueOptions(delayed_processing=30), soon())
    await push(queue, "a")
    group = await queue.store.register_group("orders", "g", "all", None, soon())
    result = await queue.store.pop(PopQuery(group, "g", None, 1, 1, None), soon())
    assert result.next_in_ms is not None
    assert 0 < result.next_in_ms <= 30_000


async def test_a_new_group_gets_what_is_pushed_after_its_first_request(queue: Queue) -> None:
    await push(queue, "old")
    request = PopRequest("orders", None, group="g", batch=10, mode="new")
    assert await queue.pop(request) is None
    await push(queue, "new")
    await push(queue, "other", partition="later")
    assert sorted(names(await queue.pop(PopRequest("orders", None, "g", 10, 10)))) == ["new", "other"]


async def test_a_group_may_register_before_its_queue_exists(queue: Queue) -> None:
    request = PopRequest("orders", None, group="g", batch=10, mode="new")
    assert await queue.pop(request) is None
    await push(queue, "first")
    assert names(await queue.pop(request)) == ["first"]


async def test_a_group_may_start_at_a_time(queue: Queue) -> None:
    for name in "abcde":
        await push(queue, name)
    [(third,)] = await queue.sql("select created_at from queen.messages where transaction_id = 'c'")
    assert isinstance(third, datetime)
    request = PopRequest("orders", None, group="g", batch=10, mode="timestamp", start=third.astimezone(UTC))
    assert names(await queue.pop(request)) == ["c", "d", "e"]


async def test_registering_a_group_never_misses_a_partition_that_is_being_made(queue: Queue) -> None:
    """Both orders of the race must give each (partition, group) its cursor."""

    async def pushes(number: int) -> None:
        await push(queue, f"m{number}", partition=f"p{number}")

    async def registers(number: int) -> None:
        await queue.store.register_group("orders", f"g{number}", "all", None, soon())

    await asyncio.gather(*(work(number) for number in range(20) for work in (pushes, registers)))
    assert await queue.sql("select count(*) from queen.cursors") == [(20 * 20,)]


async def test_delayed_messages_appear_when_they_are_due(queue: Queue) -> None:
    await queue.store.configure("orders", "", "", QueueOptions(delayed_processing=1), soon())
    started_s = time.perf_counter()
    await push(queue, "a", "b")
    delivery = await queue.pop(PopRequest("orders", None, batch=10, wait_ms=15_000))
    assert names(delivery) == ["a", "b"]
    assert 0.98 < time.perf_counter() - started_s < 10


async def test_a_drained_queue_costs_one_index_probe(queue: Queue) -> None:
    """Idle partitions are parked: a pop does not visit them again and again."""
    for number in range(30):
        await push(queue, "m", partition=f"p{number}")
    while await queue.pop(PopRequest("orders", None, batch=10, partitions=10, auto_ack=True)):
        pass
    assert await queue.sql("select count(*) from queen.cursors where available_at <> 'infinity'") == [(0,)]


async def test_one_partition_many_pushers_and_readers_nothing_lost_or_reordered(queue: Queue) -> None:
    producers, each, groups = 4, 60, ("g1", "g2")
    seen: dict[str, list[str]] = {group: [] for group in groups}

    async def produce(number: int) -> None:
        for turn in range(each):
            await push(queue, f"{number}-{turn}")

    async def consume(group: str) -> None:
        while len(seen[group]) < producers * each:
            delivery = await queue.pop(
                PopRequest("orders", None, group=group, batch=7, auto_ack=True, wait_ms=500)
            )
            seen[group] += names(delivery)

    async with asyncio.timeout(60):
        await asyncio.gather(
            *(produce(number) for number in range(producers)), *(consume(group) for group in groups)
        )
    stored = await queue.sql("select transaction_id from queen.messages order by position")
    order = [str(transaction_id) for (transaction_id,) in stored]
    assert seen == dict.fromkeys(groups, order)


async def test_two_servers_share_one_database(queue: Queue, each_database: object) -> None:
    async with open_queue(settings_for(each_database, db_pool_size=4)) as other:  # type: ignore[arg-type]
        await push(queue, *(str(number) for number in range(40)))
        taken: list[str] = []
        while len(taken) < 40:
            deliveries = await asyncio.gather(
                *(server.pop(PopRequest("orders", None, batch=3)) for server in (queue, other))
            )
            assert sum(delivery is not None for delivery in deliveries) <= 1, "one lease holder at a time"
            for delivery in deliveries:
                for message in messages(delivery):
                    taken.append(message.transaction_id)
                    done = AckItem(
                        message.partition_id,
                        message.transaction_id,
                        "completed",
                        str(delivery.lease_id) if delivery else "",
                    )
                    await other.ack("__QUEUE_MODE__", [done])
        assert taken == [str(number) for number in range(40)]
