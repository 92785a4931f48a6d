"""A queue called orders, and shorthands for what happens to it."""

from datetime import timedelta

from queen.core.looking import PopRequest
from queen.core.pop import Delivery
from queen.core.push import Pushed
from queen.core.store import QUEUE_MODE_GROUP, AckItem, PartitionName
from queen.settings import PushStrategy
from tests.messages import new_message

from .conftest import Queue, soon
from .delivered import messages


async def push(queue: Queue, *names: str, to: str = "orders", partition: str = "p") -> list[Pushed]:
    pushed = []
    for name in names:  # one push each: a created_at of its own
        items = [new_message(PartitionName(to, partition), f'{{"n": "{name}"}}', name)]
        pushed += (await queue.pushers[PushStrategy.BATCH].push(items, soon())).each()
    return pushed


async def pop(queue: Queue, batch: int = 10, group: str = QUEUE_MODE_GROUP, **more: object) -> Delivery:
    request = PopRequest("orders", None, group=group, batch=batch, partitions=10, **more)  # type: ignore[arg-type]
    delivery = await queue.pop(request)
    assert delivery is not None
    return delivery


def names(delivery: Delivery | None) -> list[str]:
    """The transactionIds of a delivery, in order."""
    return [] if delivery is None else [message.transaction_id for message in messages(delivery)]


async def ack(
    queue: Queue, delivery: Delivery, *statuses: str, group: str = QUEUE_MODE_GROUP, error: str = ""
) -> None:
    """Acknowledge the first messages of the delivery."""
    items = [
        AckItem(message.partition_id, message.transaction_id, status, str(delivery.lease_id), error)
        for message, status in zip(messages(delivery), statuses, strict=False)
    ]
    assert all(acked.success for acked in await queue.ack(group, items))


async def age(queue: Queue, name: str, by: timedelta) -> None:
    """Make a message older; its elders must be, too."""
    await queue.sql(
        "update queen.messages set created_at = created_at - $2::interval where transaction_id = $1", name, by
    )
