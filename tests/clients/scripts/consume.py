"""Consuming: handlers, concurrency, when a consumer ends."""

import asyncio

PARTITIONS, EACH = 6, 15


async def concurrently(queen, name):
    """Several workers, a batch each, until everything was handled once; then one more look."""
    for partition in range(PARTITIONS):
        items = [{"data": [partition, n]} for n in range(EACH)]
        await queen.queue(name).partition(f"p-{partition}").push(items)
    handled, done = [], asyncio.Event()

    async def handler(messages):
        await asyncio.sleep(0.005)  # so that the workers overlap
        handled.extend(message["data"] for message in messages)
        if len(handled) >= PARTITIONS * EACH:
            done.set()

    orders = queen.queue(name).batch(4).timeout_millis(200)
    await orders.concurrency(4).consume(handler, signal=done)
    return {"handled": handled}


async def single_messages(queen, name):
    """With a batch of 1 the handler gets a message, not a list; a limit ends the consumer."""
    await queen.queue(name).push([{"data": n} for n in range(5)])
    handled = []

    async def handler(message):
        handled.append(message["data"])

    await queen.queue(name).batch(1).limit(3).consume(handler)
    return {"handled": handled}


async def each(queen, name):
    await queen.queue(name).push([{"data": n} for n in range(5)])
    handled = []

    async def handler(message):
        handled.append(message["data"])

    await queen.queue(name).batch(10).each().limit(5).consume(handler)
    return {"handled": handled}


async def without_acks(queen, name):
    await queen.queue(name).push([{"data": n} for n in range(2)])
    handled = []

    async def handler(messages):
        handled.extend(messages)

    reader = queen.queue(name).group("by-hand").batch(10).limit(2)
    await reader.auto_ack(False).consume(handler)
    acked = await queen.ack(handled[0], True, {"group": "by-hand"})
    return {"handled": [message["data"] for message in handled], "acked": acked["success"]}


async def until_idle(queen, name):
    await queen.queue(name).push([{"data": 1}])
    handled = []

    async def handler(message):
        handled.append(message["data"])

    await queen.queue(name).batch(1).timeout_millis(100).idle_millis(200).consume(handler)
    return {"handled": handled}


async def as_in_the_readme(queen, name):
    """No option but the limit: the client, or the server, chooses the size of a batch."""
    await queen.queue(name).push([{"data": n} for n in range(5)])
    handled = []

    async def handler(given):
        messages = given if isinstance(given, list) else [given]
        handled.extend(message["data"] for message in messages)

    await queen.queue(name).limit(5).consume(handler)
    return {"handled": handled}


async def many_partitions(queen, name):
    """Few messages in each of many partitions: a batch is gathered from several."""
    for n in range(8):
        await queen.queue(name).partition(f"p-{n}").push([{"data": n}])
    batches = []

    async def handler(messages):
        batches.append([message["data"] for message in messages])

    await queen.queue(name).batch(4).partitions(4).limit(8).consume(handler)
    return {"batches": batches}


async def supervised(queen, name):
    """2.6.0 reports on its consumers to a key-value store, which is not there."""
    await queen.queue(name).push([{"data": 1}])
    handled = []

    async def handler(message):
        handled.append(message["data"])

    await queen.queue(name).supervision({"group": "tests"}).batch(1).limit(1).consume(handler)
    return {"handled": handled}
