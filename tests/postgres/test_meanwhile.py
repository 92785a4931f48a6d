"""What is changed or deleted while something else is under way: two sessions, interleaved by hand."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence

import pytest

from queen.core.deadline import Deadline
from queen.core.directory import Directory
from queen.core.groups import Groups
from queen.core.looking import PopRequest
from queen.core.pop import Popper
from queen.core.store import Partition, PartitionName, PopOutcome, PopQuery, QueueOptions, UnknownPartition
from queen.errors import OutcomeUnknown, StatementFailed
from queen.local.database import Database
from queen.postgres.store import PostgresStore
from queen.settings import PushStrategy
from tests.attempts import attempts, within
from tests.databases import WAIT_FOR_A_LOCK, connected
from tests.messages import new_message
from tests.waiting import over, until

from .conftest import Ear, Queue, popping, soon
from .orders import names

PUSH = """
select queen.push(
    (select array_agg(id) from queen.partitions where name = $1), array[1, 2], array[$2], array[$2],
    array[gen_random_uuid()],
    array[$2], array[null::uuid], array['1'::json])
"""


async def push(queue: Queue, name: str, partition: str = "p") -> None:
    item = new_message(PartitionName("orders", partition), "1", name)
    await queue.pushers[PushStrategy.BATCH].push([item], soon())


async def pop(queue: Queue, group: str = "g") -> list[str]:
    return names(await queue.pop(PopRequest("orders", None, group=group, batch=10, partitions=10)))


async def blocked(queue: Queue, sessions: int = 1) -> bool:
    """Whether so many sessions wait for a lock."""
    return len(await queue.sql(WAIT_FOR_A_LOCK)) >= sessions


async def test_a_partition_that_comes_during_a_seek_is_not_parked(
    queue: Queue, each_database: Database
) -> None:
    """The seek waits for a push; meanwhile another partition is made and pushed to."""
    await push(queue, "a")
    assert await pop(queue) == ["a"]
    async with connected(each_database) as slow:
        await slow.execute("begin")
        await slow.fetch(PUSH, "p", "b")
        seeking = asyncio.create_task(queue.store.seek("orders", "g", None, None, soon()))
        await until(lambda: blocked(queue))
        pushing = asyncio.create_task(push(queue, "c", partition="new"))
        await until(lambda: pushing.done() or blocked(queue, 2))
        await slow.execute("commit")
        await asyncio.gather(seeking, pushing)
    assert await pop(queue) == ["c"]


async def test_a_push_by_the_old_delay_falls_due_by_the_new_one(
    queue: Queue, each_database: Database
) -> None:
    """The delay is taken away while a push that went by it is not committed yet."""
    await queue.store.configure("orders", "", "", QueueOptions(delayed_processing=3600), soon())
    await push(queue, "a")
    assert await pop(queue) == []
    await queue.sql("update queen.cursors set position = 1, available_at = 'infinity'")
    async with connected(each_database) as slow:
        await slow.execute("begin")
        await slow.fetch(PUSH, "p", "b")
        configuring = asyncio.create_task(queue.store.configure("orders", "", "", QueueOptions(), soon()))
        await until(lambda: blocked(queue))
        await slow.execute("commit")
        await configuring
    assert await pop(queue) == ["b"]


async def test_a_pop_by_the_old_delay_looks_again_by_the_new_one(
    queue: Queue, each_database: Database
) -> None:
    await queue.store.configure("orders", "", "", QueueOptions(delayed_processing=3600), soon())
    assert await pop(queue) == []
    await push(queue, "a")
    await queue.sql("update queen.cursors set available_at = now()")
    async with connected(each_database) as slow:
        await slow.execute("begin")
        await slow.fetch(
            "select * from queen.pop((select id from queen.consumer_groups), 'g', null, 1, 1, null, true)"
        )
        configuring = asyncio.create_task(queue.store.configure("orders", "", "", QueueOptions(), soon()))
        await until(lambda: blocked(queue))
        await slow.execute("commit")
        await configuring
    assert await pop(queue) == ["a"]


async def test_a_group_deleted_while_it_registers_can_come_back(
    queue: Queue, each_database: Database
) -> None:
    await push(queue, "a")
    async with connected(each_database) as slow:
        await slow.execute("begin")
        await slow.fetch("select queen.register_group('orders', 'g', 'all', null)")
        deleting = asyncio.create_task(queue.store.delete_group("g", "orders", False, soon()))
        await until(lambda: blocked(queue))
        making = asyncio.create_task(push(queue, "b", partition="new"))
        await until(lambda: making.done() or blocked(queue, 2))
        await slow.execute("commit")
        await asyncio.gather(deleting, making)
    assert sorted(await pop(queue)) == ["a", "b"]


async def test_a_poll_of_a_group_that_is_deleted_registers_it_at_once(queue: Queue) -> None:
    """A group that subscribes to what is new must not miss what is pushed right after its deletion."""
    await push(queue, "a")
    for attempt in attempts():
        group, new = f"g{attempt.number}", f"b{attempt.number}"

        async def registered(group: str = group) -> bool:
            return bool(
                await queue.sql("select from queen.consumer_groups where active and name = $1", group)
            )

        with attempt:
            waiting = asyncio.create_task(
                queue.pop(PopRequest("orders", None, group=group, mode="new", wait_ms=20_000))
            )
            try:
                await until(lambda: queue.wakeups.parked == 1)
                await until(registered)
                assert await Groups(queue.store, queue.wakeups).delete(group, None, True, soon()) == 1

                async with within(0.9):  # sooner than the poll would have looked by itself
                    await until(registered)
                await push(queue, new)
                async with asyncio.timeout(10):
                    assert names(await waiting) == [new]
            finally:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)


class Forgetful(PostgresStore):
    """A look takes its lease, and then nobody knows."""

    async def pop_together(self, queries: Sequence[PopQuery], deadline: Deadline) -> Sequence[PopOutcome]:
        await super().pop_together(queries, deadline)
        raise OutcomeUnknown("no answer")


async def test_a_queue_that_is_deleted_again_and_again_is_no_internal_error(queue: Queue) -> None:
    async def work(partitions: list[Partition]) -> None:
        assert partitions
        raise UnknownPartition

    with pytest.raises(StatementFailed):
        await Directory(queue.store).with_partitions([PartitionName("orders", "p")], soon(), work)


async def test_a_lease_that_nobody_knows_of_is_given_back(queue: Queue) -> None:
    await push(queue, "a")
    store = Forgetful(queue.pool)
    async with popping(store, Directory(store), queue.wakeups) as popper:
        with pytest.raises(OutcomeUnknown):
            await popper.pop(PopRequest("orders", None, group="g"), Ear())
    assert await pop(queue) == ["a"]


async def boarded(popper: Popper, request: PopRequest) -> None:
    """A pop by the short way, up to its end."""
    on_its_way = popper.board(request, Ear())
    assert on_its_way is not None
    await over(on_its_way.rider)
    landed = on_its_way.land()
    assert isinstance(landed, Coroutine)
    await landed


async def whole(popper: Popper, request: PopRequest) -> None:
    await popper.pop(request, Ear())


@pytest.mark.parametrize("way", [boarded, whole])
async def test_a_look_that_fails_does_not_have_those_look_who_are_parked(
    queue: Queue, way: Callable[[Popper, PopRequest], Awaitable[None]]
) -> None:
    """While the database is broken they are best left where they are: they would only fail, too."""
    store = Forgetful(queue.pool)
    request = PopRequest("orders", None, group="g")
    async with popping(store, Directory(store), queue.wakeups) as popper:
        with pytest.raises(OutcomeUnknown):
            await whole(popper, request)  # from here on its group is known
        parked = [queue.wakeups.join("orders", "g", None) for _ in range(3)]
        with pytest.raises(OutcomeUnknown):
            await way(popper, request)
        assert not any(waiter.woken for waiter in parked)
        for waiter in parked:
            queue.wakeups.leave(waiter)
