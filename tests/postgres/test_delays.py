"""delayedProcessing and windowBuffer: what is not due takes nobody's place, and comes in order."""

from datetime import timedelta

import pytest

from queen.core.looking import PopRequest
from queen.core.pop import Delivery
from queen.core.store import AckItem, PartitionName, QueueOptions
from queen.settings import PushStrategy
from tests.messages import new_message

from .conftest import Queue, soon
from .delivered import messages
from .orders import names

DELAY = QueueOptions(delayed_processing=60)
WINDOW = QueueOptions(window_buffer=60)
BOTH = QueueOptions(delayed_processing=60, window_buffer=30)


async def configure(queue: Queue, options: QueueOptions) -> None:
    await queue.store.configure("orders", "", "", options, soon())


async def push(queue: Queue, *names: str, partition: str = "p") -> None:
    items = [new_message(PartitionName("orders", partition), "1", name) for name in names]
    await queue.pushers[PushStrategy.BATCH].push(items, soon())


async def pass_time(queue: Queue, seconds: float) -> None:
    """As if that much time had passed: everything that has an instant is that much older."""
    past = timedelta(seconds=seconds)
    await queue.sql("update queen.messages set created_at = created_at - $1::interval", past)
    await queue.sql("update queen.partitions set last_created_at = last_created_at - $1::interval", past)
    await queue.sql(
        "update queen.cursors set available_at = available_at - $1::interval"
        " where available_at <> 'infinity'",
        past,
    )


async def pop(queue: Queue, batch: int = 10, partitions: int = 10, auto_ack: bool = False) -> Delivery | None:
    request = PopRequest("orders", None, "g", batch, partitions, auto_ack=auto_ack)
    return await queue.pop(request)


@pytest.mark.parametrize("options", [DELAY, WINDOW, BOTH], ids=["delay", "window", "both"])
async def test_what_is_not_due_takes_nobodys_place(queue: Queue, options: QueueOptions) -> None:
    """A partition that has only what is not due does not count against `partitions`."""
    await configure(queue, options)
    await push(queue, "due 1", partition="q")
    await push(queue, "due 2", partition="r")
    await pass_time(queue, 61)
    for number in range(70):  # more than a look visits
        await push(queue, "not due", partition=f"p{number}")
    assert sorted(names(await pop(queue, partitions=2))) == ["due 1", "due 2"]
    assert await pop(queue) is None


async def test_of_one_partition_only_the_beginning_may_be_due(queue: Queue) -> None:
    await configure(queue, DELAY)
    await push(queue, "a", "b")
    await pass_time(queue, 40)
    await push(queue, "c", "d")
    await pass_time(queue, 21)
    delivery = await pop(queue)
    assert delivery is not None
    assert names(delivery) == ["a", "b"]
    lease = str(delivery.lease_id)
    acks = [AckItem(m.partition_id, m.transaction_id, "completed", lease) for m in messages(delivery)]
    assert (await queue.ack("g", acks))[-1].released
    assert await pop(queue) is None
    await pass_time(queue, 40)
    assert names(await pop(queue)) == ["c", "d"]


async def test_auto_ack_commits_what_was_due_and_no_more(queue: Queue) -> None:
    await configure(queue, DELAY)
    await push(queue, "a")
    await pass_time(queue, 61)
    await push(queue, "b")
    assert names(await pop(queue, auto_ack=True)) == ["a"]
    assert await pop(queue, auto_ack=True) is None
    await pass_time(queue, 61)
    assert names(await pop(queue, auto_ack=True)) == ["b"]


async def test_every_push_starts_the_window_anew(queue: Queue) -> None:
    await configure(queue, WINDOW)
    await push(queue, "a")
    await pass_time(queue, 59)
    await push(queue, "b")
    await pass_time(queue, 2)
    assert await pop(queue) is None, "a is old enough, but b is the newest"
    await pass_time(queue, 57)
    assert await pop(queue) is None
    await pass_time(queue, 2)
    assert names(await pop(queue)) == ["a", "b"]


async def test_a_duplicate_does_not_start_the_window_anew(queue: Queue) -> None:
    await configure(queue, WINDOW)
    await push(queue, "a")
    await pass_time(queue, 61)
    await push(queue, "a")
    assert names(await pop(queue)) == ["a"]


async def test_a_window_is_its_partitions_own(queue: Queue) -> None:
    await configure(queue, WINDOW)
    await push(queue, "a", partition="q")
    await pass_time(queue, 61)
    await push(queue, "b", partition="p")
    assert names(await pop(queue, partitions=1)) == ["a"]


async def test_after_the_window_the_delay_still_counts(queue: Queue) -> None:
    await configure(queue, BOTH)
    await push(queue, "a")
    await pass_time(queue, 31)
    assert await pop(queue) is None
    await push(queue, "b")
    await pass_time(queue, 31)
    assert names(await pop(queue)) == ["a"]


async def test_a_lease_that_is_given_back_does_not_make_the_rest_due(queue: Queue) -> None:
    await configure(queue, DELAY)
    await push(queue, "a", "b")
    await pass_time(queue, 61)
    await push(queue, "c")
    delivery = await pop(queue)
    assert delivery is not None and delivery.lease_id is not None
    await queue.store.release(delivery.lease_id, soon())
    assert names(await pop(queue)) == ["a", "b"]
