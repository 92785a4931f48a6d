"""Consumer groups: who gets what, and from where on."""

from datetime import UTC, datetime


async def _data(popping):
    return [message["data"] for message in await popping]


async def two(queen, name):
    await queen.queue(name).push([{"data": n} for n in range(4)])
    handled = {"mail": [], "audit": []}
    for group, seen in handled.items():

        async def handler(messages, seen=seen):
            seen.extend(message["data"] for message in messages)

        await queen.queue(name).group(group).batch(4).limit(4).consume(handler)
    return handled


async def from_now_on(queen, name):
    orders = queen.queue(name)
    await orders.push([{"data": "old"}])
    late = queen.queue(name).group("late").subscription_mode("new").batch(10).wait(False)
    before = await _data(late.pop())
    await orders.push([{"data": "new"}])
    return {"before": before, "after": await _data(late.pop())}


async def from_a_time(queen, name):
    await queen.queue(name).push([{"data": "old"}])
    start = datetime.now(UTC).isoformat()
    await queen.queue(name).push([{"data": "new"}])
    replay = queen.queue(name).group("replay").subscription_from(start).batch(10).wait(False)
    return {"data": await _data(replay.pop())}


async def deleted(queen, name):
    await queen.queue(name).push([{"data": n} for n in range(3)])
    group = f"gone-{name}"  # a group is deleted on all queues: no other test may have it
    mail = queen.queue(name).group(group).batch(10).wait(False)
    await queen.ack(await mail.pop(), True, {"group": group})
    before = await _data(mail.pop())
    answer = await queen.delete_consumer_group(group)
    return {"before": before, "success": answer["success"], "after": await _data(mail.pop())}
