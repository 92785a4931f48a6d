"""What was answered is seen at once, by whichever worker is asked, whatever else happens meanwhile."""

import asyncio

from .client import Queue, ids, item
from .marks import covers, on
from .serving import Deployment
from .workers import PAIRS_OF_TWO, each_worker

POP_QUEUE = "GET /api/v1/pop/queue/{queue}"
POP_PARTITION = "GET /api/v1/pop/queue/{queue}/partition/{partition}"
PUSH = "POST /api/v1/push"

# Each number of rounds is for one of three configurations: a third of what all of them make together.
pytestmark = on(PAIRS_OF_TWO)


@covers(PUSH, POP_QUEUE, POP_PARTITION)
async def test_a_pop_sees_what_another_worker_has_just_stored(deployment: Deployment, orders: Queue) -> None:
    """500 rounds over two workers: a pop with wait=false right after a push brings the message."""
    async with each_worker(deployment.url) as (first, second):
        for number in range(170):
            pusher, popper = (first, second) if number % 2 else (second, first)
            partition = f"p{number // 5}"  # every fifth is a new one
            await orders.seen_by(pusher).push(str(number), partition=partition)
            popped = await orders.seen_by(popper).pop(
                9, partition if number % 3 else None, wait="false", autoAck="true"
            )
            assert ids(popped) == [str(number)]


@covers(PUSH, POP_QUEUE, "POST /api/v1/ack")
async def test_nothing_becomes_invisible_when_an_ack_drains_what_a_push_fills(
    deployment: Deployment, orders: Queue
) -> None:
    """300 rounds: the last message is acked while the next is pushed; the next is there at once."""
    async with each_worker(deployment.url, times=2) as (consumer, producer, other, third):
        await orders.push("0")
        [message] = await orders.seen_by(consumer).pop()
        for number in range(100):
            acked, [pushed], looked = await asyncio.gather(
                consumer.ack_one(item(message)),
                orders.seen_by(producer if number % 2 else third).push(str(number + 1)),
                orders.seen_by(other).pop(consumerGroup="another", autoAck="true"),
            )
            assert (acked.success, acked.lease_released, pushed.status) == (True, True, "queued")
            assert len(looked) <= 1
            [message] = await orders.seen_by(consumer).pop()
            assert message.transaction_id == str(number + 1)
        await consumer.ack_one(item(message))
    left = await orders.pop(999, consumerGroup="another", autoAck="true")
    assert [message.transaction_id for message in left][-1:] == ["100"]


@covers(PUSH, POP_QUEUE)
async def test_a_group_that_registers_while_a_partition_is_made_gets_it(
    deployment: Deployment, orders: Queue
) -> None:
    """60 rounds: a group's first pop races the first push to a partition; it gets every message once."""
    async with each_worker(deployment.url) as (popper, pusher):
        for number in range(20):
            group = f"g{number}"
            racing, _ = await asyncio.gather(
                orders.seen_by(popper).pop(1, consumerGroup=group, autoAck="true"),
                orders.seen_by(pusher).push(str(number), partition=f"p{number}"),
            )
            rest = await orders.pop(999, consumerGroup=group, partitions=999, autoAck="true")
            assert sorted(map(int, ids([*racing, *rest]))) == list(range(number + 1))
