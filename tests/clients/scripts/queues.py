"""Queues: made with options, deleted, full."""

import os

from refusals import refusal

from queen import Queen

OPTIONS = {
    "leaseTime": 45,
    "retryLimit": 7,
    "priority": 5,
    "delayedProcessing": 1,
    "windowBuffer": 2,
    "maxSize": 1_000,
    "retentionSeconds": 3_600,
    "completedRetentionSeconds": 600,
    "encryptionEnabled": False,
    "dlqAfterMaxRetries": True,
}


async def made_with_options(queen, name):
    answer = await queen.queue(name).namespace("shop").task("ship").config(OPTIONS).create()
    return {"asked": OPTIONS, "answer": answer}


async def made_with_defaults(queen, name):
    return {"answer": await queen.queue(name).create()}


async def in_the_clients_own_spelling(queen, name):
    answer = await queen.queue(name).config({"lease_time": 45, "retry_limit": 7}).create()
    return {"options": answer["options"]}


async def encrypted(queen, name):
    return await refusal(queen.queue(name).config({"encryptionEnabled": True}).create())


async def deleted(queen, name):
    """Its messages go with it: a queue of that name begins anew."""
    await queen.queue(name).push([{"transactionId": "t", "data": "old"}])
    answer = await queen.queue(name).delete()
    pushed = await queen.queue(name).push([{"transactionId": "t", "data": "new"}])
    messages = await queen.queue(name).batch(10).wait(False).pop()
    return {
        "answer": answer,
        "status": pushed[0]["status"],
        "data": [message["data"] for message in messages],
    }


async def deleted_twice(queen, name):
    await queen.queue(name).create()
    return {"existed": [(await queen.queue(name).delete())["existed"] for _ in range(2)]}


async def delayed(queen, name):
    await queen.queue(name).config({"delayedProcessing": 1}).create()
    await queen.queue(name).push([{"data": 1}])
    at_once = await queen.queue(name).batch(1).wait(False).pop()
    later = await queen.queue(name).batch(1).timeout_millis(5_000).pop()
    return {"at_once": at_once, "later": [message["data"] for message in later]}


async def full(queen, name):
    """What a producer learns that does not try again."""
    await queen.queue(name).config({"maxSize": 3}).create()
    await queen.queue(name).push([{"data": n} for n in range(3)])
    options = {"url": os.environ["QUEEN_URL"], "retry_429": {"max_attempts": 1}}  # 0.15.0 never tries again
    async with Queen(options) as impatient:
        return await refusal(impatient.queue(name).push([{"data": "too many"}]))
