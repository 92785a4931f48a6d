"""Leases: renewed, left to expire, gone."""

import asyncio

LEASE_S, HELD_S = 2, 4  # held for longer than the lease lasts


async def renewed(queen, name):
    """One message is renewed while it is held, the other is not."""
    await queen.queue(name).config({"leaseTime": LEASE_S}).create()
    held = {}
    for partition in ("left", "renewed"):
        await queen.queue(name).partition(partition).push([{"data": partition}])
        [held[partition]] = await queen.queue(name).partition(partition).batch(1).wait(False).pop()
    renewal = await queen.renew(held["renewed"])
    await asyncio.sleep(HELD_S)
    again = await queen.queue(name).batch(10).partitions(2).wait(False).pop()
    return {
        "renewal": renewal,
        "again": [message["data"] for message in again],
        "acked": {partition: await queen.ack(message) for partition, message in held.items()},
    }


async def renewed_by_the_consumer(queen, name):
    await queen.queue(name).config({"leaseTime": LEASE_S}).create()
    await queen.queue(name).push([{"data": 1}])
    again = []

    async def handler(_message):
        await asyncio.sleep(HELD_S)
        again.extend(await queen.queue(name).batch(1).wait(False).pop())

    await queen.queue(name).batch(1).limit(1).renew_lease(True, 500).consume(handler)
    rest = await queen.queue(name).batch(1).wait(False).pop()
    return {"again": again, "rest": rest}


async def many_at_once(queen, name):
    """All partitions of one pop share a lease: one renewal serves them all."""
    for n in range(3):
        await queen.queue(name).partition(f"p-{n}").push([{"data": n}])
    messages = await queen.queue(name).batch(10).partitions(3).wait(False).pop()
    return {"messages": len(messages), "renewals": await queen.renew(messages)}


async def gone(queen, name):
    await queen.queue(name).push([{"data": 1}])
    [message] = await queen.queue(name).batch(1).wait(False).pop()
    await queen.ack(message)
    return {"renewal": await queen.renew(message)}
