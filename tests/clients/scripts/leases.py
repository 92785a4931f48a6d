"""Leases: renewed, left to expire, gone."""

LEASE_S = 2
PATIENCE_MS = 20_000  # for a lease to run out: it is waited for, not slept through


async def renewed(queen, name):
    """Two messages are leased, the first is renewed: it outlasts the second."""
    await queen.queue(name).config({"leaseTime": LEASE_S}).create()
    held = {}
    for partition in ("renewed", "left"):
        held[partition] = await _leased(queen, name, partition)
    renewal = await queen.renew(held["renewed"])
    again = [*await _redelivered(queen, name, "left")]
    again += await queen.queue(name).partition("renewed").batch(1).wait(False).pop()
    return {
        "renewal": renewal,
        "again": [message["data"] for message in again],
        "acked": {partition: await queen.ack(message) for partition, message in held.items()},
    }


async def renewed_by_the_consumer(queen, name):
    """The handler works until a lease that was taken after its own has run out."""
    for each in (name, f"{name}-clock"):
        await queen.queue(each).config({"leaseTime": LEASE_S}).create()
    await queen.queue(name).push([{"data": 1}])
    again = []

    async def handler(_message):
        await _leased(queen, f"{name}-clock", "p")
        await _redelivered(queen, f"{name}-clock", "p")
        again.extend(await queen.queue(name).batch(1).wait(False).pop())

    await queen.queue(name).batch(1).limit(1).renew_lease(True, 500).consume(handler)
    rest = await queen.queue(name).batch(1).wait(False).pop()
    return {"again": again, "rest": rest}


async def _leased(queen, name, partition):
    await queen.queue(name).partition(partition).push([{"data": partition}])
    [message] = await queen.queue(name).partition(partition).batch(1).wait(False).pop()
    return message


async def _redelivered(queen, name, partition):
    """Wait until the lease on the partition has run out."""
    return await queen.queue(name).partition(partition).batch(1).timeout_millis(PATIENCE_MS).wait(True).pop()


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
