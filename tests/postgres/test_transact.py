"""Transaction: pushes and acks together or not at all, with the meaning that each has alone."""

import asyncio
from uuid import UUID, uuid4

from queen.core.ack import Acked
from queen.core.looking import PopRequest
from queen.core.pop import Delivery
from queen.core.push import Pushed
from queen.core.store import QUEUE_MODE_GROUP, AckItem, NewMessage, PartitionName, QueueOptions
from queen.core.transaction import AckStep, Step, Transacted
from queen.settings import PushStrategy
from tests.messages import new_message

from .conftest import Queue, soon
from .delivered import messages


def item(name: str, to: str = "orders", partition: str = "p") -> NewMessage:
    return new_message(PartitionName(to, partition), f'"{name}"', name)


async def push(queue: Queue, *names: str, partition: str = "p") -> UUID:
    """Push; returns the partition's id."""
    items = [item(name, partition=partition) for name in names]
    pushed = await queue.pushers[PushStrategy.BATCH].push(items, soon())
    return UUID(pushed.partitions[0].uuid)


def acking(
    delivery: Delivery | None, index: int = 0, status: str = "completed", *, lease: bool = True
) -> AckStep:
    assert delivery is not None
    message = messages(delivery)[index]
    lease_id = str(delivery.lease_id) if lease else ""
    return AckStep(QUEUE_MODE_GROUP, AckItem(message.partition_id, message.transaction_id, status, lease_id))


async def apply(queue: Queue, *steps: Step, required: tuple[UUID, ...] = ()) -> Transacted:
    return await queue.transactor.apply(steps, required, soon())


async def stored(queue: Queue, name: str) -> list[object]:
    rows = await queue.sql(
        "select m.transaction_id from queen.messages m join queen.queues q on q.id = m.queue_id"
        " where q.name = $1 order by m.position",
        name,
    )
    return [row[0] for row in rows]


async def position(queue: Queue) -> object:
    [(found,)] = await queue.sql("select position from queen.cursors")
    return found


async def test_pushes_and_acks_happen_together(queue: Queue) -> None:
    await push(queue, "a", "b")
    popped = await queue.pop(PopRequest("orders", "p", batch=2))
    done = await apply(queue, acking(popped, 1), item("next", to="mails"))
    assert done.error is None
    first, second = done.answers
    assert isinstance(first, Acked) and first.released
    assert isinstance(second, Pushed) and not second.duplicate
    assert await stored(queue, "mails") == ["next"]
    assert await position(queue) == 2


async def test_a_refused_ack_undoes_the_pushes_and_the_other_acks(queue: Queue) -> None:
    await push(queue, "a", partition="p")
    await push(queue, "b", partition="q")
    popped = await queue.pop(PopRequest("orders", None, batch=2, partitions=2))
    assert popped is not None
    unknown = AckStep(
        QUEUE_MODE_GROUP,
        AckItem(messages(popped)[1].partition_id, "nobody", "completed", str(popped.lease_id)),
    )
    done = await apply(queue, item("next", to="mails"), acking(popped), unknown, acking(popped, 1))
    assert done.error is not None and done.error.startswith("ACK operation failed: unresolved transactionId")
    assert [type(answer) for answer in done.answers] == [Pushed, Acked]
    assert await stored(queue, "mails") == []
    assert await queue.sql("select position from queen.cursors") == [(0,), (0,)]
    again = await apply(queue, acking(popped), acking(popped, 1))
    assert again.error is None, "the lease was not touched"


async def test_a_duplicate_is_no_failure(queue: Queue) -> None:
    await push(queue, "a")
    done = await apply(queue, item("a"), item("b"))
    assert done.error is None
    assert [answer.duplicate for answer in done.answers if isinstance(answer, Pushed)] == [True, False]
    assert await stored(queue, "orders") == ["a", "b"]


async def test_retry_and_failed_mean_what_they_mean_in_an_ack(queue: Queue) -> None:
    await queue.store.configure("orders", "", "", QueueOptions(retry_limit=1), soon())
    await push(queue, "a", "b")
    popped = await queue.pop(PopRequest("orders", "p", batch=2))
    assert (await apply(queue, acking(popped, 0, "retry"))).error is None
    popped = await queue.pop(PopRequest("orders", "p", batch=2))
    assert popped is not None and messages(popped)[0].retry_count == 0
    assert (await apply(queue, acking(popped, 0, "failed"))).error is None
    popped = await queue.pop(PopRequest("orders", "p", batch=2))
    assert popped is not None and messages(popped)[0].retry_count == 1
    last = await apply(queue, acking(popped, 0, "failed"))
    assert [answer.dead for answer in last.answers if isinstance(answer, Acked)] == [True]


async def test_an_unknown_status_fails_the_whole(queue: Queue) -> None:
    await push(queue, "a")
    popped = await queue.pop(PopRequest("orders", "p"))
    done = await apply(queue, item("next", to="mails"), acking(popped, 0, "done"))
    assert done.error is not None and "unknown status" in done.error
    assert await stored(queue, "mails") == []


async def test_every_required_lease_must_live(queue: Queue) -> None:
    await push(queue, "a")
    popped = await queue.pop(PopRequest("orders", "p"))
    assert popped is not None and popped.lease_id is not None
    stale = uuid4()
    done = await apply(queue, item("next", to="mails"), required=(popped.lease_id, stale))
    assert done.error == f"required lease {stale}: Invalid or expired lease"
    assert await stored(queue, "mails") == []
    assert (await apply(queue, item("next", to="mails"), required=(popped.lease_id,))).error is None


async def test_an_ack_without_a_lease_is_made_under_the_required_one(queue: Queue) -> None:
    """Clients that name the leases once for the whole do not repeat them in each ack."""
    await push(queue, "a", "b")
    popped = await queue.pop(PopRequest("orders", "p", batch=2))
    assert popped is not None and popped.lease_id is not None
    unfenced = await apply(queue, acking(popped, lease=False))
    assert unfenced.error == "ACK operation failed: Invalid or expired lease"
    done = await apply(queue, acking(popped, 1, lease=False), required=(popped.lease_id,))
    assert done.error is None
    assert await position(queue) == 2


async def test_a_push_after_the_queue_was_deleted_makes_it_again(queue: Queue) -> None:
    await push(queue, "a")
    assert await queue.store.delete_queue("orders", soon())
    assert (await apply(queue, item("b"))).error is None
    assert await stored(queue, "orders") == ["b"]


async def test_opposite_orders_do_not_deadlock(queue: Queue) -> None:
    """Two sides push to what the other acks, in opposite order, over and over."""
    await push(queue, *(f"p{number}" for number in range(40)), partition="p")
    await push(queue, *(f"q{number}" for number in range(40)), partition="q")

    async def side(own: str, other: str) -> list[str | None]:
        errors = []
        for number in range(40):
            popped = await queue.pop(PopRequest("orders", own, wait_ms=5_000))
            pushed = [
                item(f"{own}{number}-{target}", partition=target) for target in (other, own, "r", other)
            ]
            errors.append((await apply(queue, *pushed, acking(popped))).error)
        return errors

    both = await asyncio.gather(side("p", "q"), side("q", "p"))
    assert list(both) == [[None] * 40, [None] * 40]
    [(deadlocks,)] = await queue.sql(
        "select deadlocks from pg_stat_database where datname = current_database()"
    )
    assert deadlocks == 0
    [(messages,)] = await queue.sql("select count(*) from queen.messages")
    assert messages == 80 + 2 * 40 * 3
