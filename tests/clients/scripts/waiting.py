"""Waiting for somebody else: a consumer for a message, a producer for room.

Each play watches a figure of the server that no other play of this script moves.
"""

import asyncio
import time

LOOK_EVERY_S = 0.01


async def pop(queen, name):
    await queen.queue(name).create()
    waiting_s = []
    for n in range(9):
        popping = asyncio.create_task(queen.queue(name).batch(1).pop())
        await _figure(queen, "parkedPolls", 1)
        started = time.perf_counter()
        await _push(queen, name, n)
        [message] = await popping
        waiting_s.append(time.perf_counter() - started)
        await queen.ack(message)
    return {"waiting_s": waiting_s}


async def push(queen, name):
    """2.6.0 tries again by itself: the push succeeds once a consumer has made room."""
    await queen.queue(name).config({"maxSize": 3}).create()
    await _push(queen, name, 1, 2, 3)
    orders = queen.queue(name).batch(10).wait(False)
    refusals = await _figure(queen, "pushesRefused")
    pushing = asyncio.create_task(_push(queen, name, "late"))
    await _figure(queen, "pushesRefused", refusals + 1)
    given_up = pushing.done()
    await queen.ack(await orders.pop())
    [answer] = await pushing
    data = [message["data"] for message in await orders.pop()]
    return {"given_up": given_up, "status": answer["status"], "data": data}


async def _push(queen, name, *data):
    return await queen.queue(name).push([{"data": each} for each in data])


async def _figure(queen, name, due=None):
    """A figure of /metrics, once it is `due` if that is given; the play's time limit is the deadline.

    Of all workers: one that is too busy to tell its own is left out of an answer, which is asked for again.
    """
    while True:
        metrics = await queen.admin.metrics()
        whole = metrics["workers"]["answered"] == metrics["workers"]["expected"]
        if whole and due in (None, metrics[name]):
            return metrics[name]
        await asyncio.sleep(LOOK_EVERY_S)
