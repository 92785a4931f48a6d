"""Popping: at once, in vain, from many partitions."""

import time

from queen import Queen


async def one(queen, name):
    await queen.queue(name).partition("user-1").push([{"transactionId": "t", "data": {"n": 1}}])
    [message] = await queen.queue(name).batch(1).wait(False).pop()
    acked = await queen.ack(message)
    return {"message": message, "acked": acked["success"]}


async def right_after_push(queen, name):
    """Every pop over a connection of its own, so that all worker processes take part."""
    seen = []
    for n in range(12):
        await queen.queue(name).partition(f"p-{n}").push([{"data": n}])
        async with Queen(url=queen._config["urls"][0]) as another:
            messages = await another.queue(name).batch(10).wait(False).pop()
            await another.ack(messages)
        seen.append([message["data"] for message in messages])
    return {"seen": seen}


async def nothing(queen, name):
    started = time.perf_counter()
    messages = await queen.queue(name).batch(1).timeout_millis(300).pop()
    return {"messages": messages, "elapsed_s": time.perf_counter() - started}


async def many_partitions(queen, name):
    for n in range(5):
        await queen.queue(name).partition(f"p-{n}").push([{"data": [n, m]} for m in range(3)])
    messages = await queen.queue(name).batch(100).partitions(5).wait(False).pop()
    acked = await queen.ack(messages)
    rest = await queen.queue(name).batch(100).partitions(5).wait(False).pop()
    return {
        "data": [message["data"] for message in messages],
        "leases": len({message["leaseId"] for message in messages}),
        "acked": [item["success"] for item in acked["results"]],
        "rest": rest,
    }


async def one_partition(queen, name):
    for partition in ("a", "b"):
        await queen.queue(name).partition(partition).push([{"data": partition}])
    messages = await queen.queue(name).partition("b").batch(10).wait(False).pop()
    return {"data": [message["data"] for message in messages]}


async def names_that_people_use(queen, name):
    """The client puts names into the path as they are."""
    queue, partition = f"Bestellungen für {name} ☃", "Köln Süd: 'a+b' & (c, d) = 50 €"
    await queen.queue(queue).partition(partition).push([{"data": 1}])
    [message] = await queen.queue(queue).partition(partition).batch(1).wait(False).pop()
    return {"pushed_to": partition, "popped_from": message["partition"]}


async def sized_by_the_server(queen, name):
    await queen.queue(name).push([{"data": n} for n in range(30)])
    result = await queen.queue(name).wait(False).pop_result()
    return {"data": [message["data"] for message in result.messages]}


async def committed_at_delivery(queen, name):
    await queen.queue(name).push([{"data": n} for n in range(3)])
    first = await queen.queue(name).batch(2).commit_on_delivery().wait(False).pop()
    rest = await queen.queue(name).batch(10).wait(False).pop()
    return {
        "leases": [message["leaseId"] for message in first],
        "rest": [message["data"] for message in rest],
    }
