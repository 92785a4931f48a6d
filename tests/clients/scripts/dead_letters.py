"""Failures: tried again, then kept as dead letters."""


async def after_retries(queen, name):
    """A handler that fails on one message; the consumer goes on with the next."""
    await queen.queue(name).config({"retryLimit": 2}).create()
    await queen.queue(name).push([{"transactionId": text, "data": text} for text in ("good", "bad", "next")])
    seen = []

    async def handler(message):
        seen.append(message["data"])
        if message["data"] == "bad":
            raise ValueError("cannot read it")

    # 0.15.0 counts what failed as processed, 2.6.0 as well: good, 3 × bad, next
    await queen.queue(name).batch(1).limit(5).consume(handler)
    return {"seen": seen, "dlq": await queen.queue(name).dlq().limit(10).get()}


async def at_once(queen, name):
    await queen.queue(name).push([{"transactionId": text, "data": text} for text in ("bad", "next")])
    orders = queen.queue(name).batch(1).wait(False)
    [bad] = await orders.pop()
    acked = await queen.ack(bad, "dlq", {"error": "unreadable"})
    [following] = await orders.pop()
    return {"acked": acked, "next": following["data"], "dlq": await queen.queue(name).dlq().get()}


async def tried_again(queen, name):
    """`retry` never counts: more of them than the limit allows, and the message is still there."""
    await queen.queue(name).config({"retryLimit": 0}).create()
    await queen.queue(name).push([{"data": 1}])
    orders = queen.queue(name).batch(1).wait(False)
    answers = []
    for _ in range(3):
        [message] = await orders.pop()
        answers.append((await queen.ack(message, "retry"))["success"])
    return {"answers": answers, "dlq": await queen.queue(name).dlq().get(), "again": len(await orders.pop())}


async def one_of_a_batch(queen, name):
    """Every message of a batch with a status of its own."""
    await queen.queue(name).push([{"data": n} for n in range(4)])
    messages = await queen.queue(name).batch(4).wait(False).pop()
    for message, status in zip(messages, (True, False, True, True), strict=True):
        message["_status"] = status
    acked = await queen.ack(messages)
    again = await queen.queue(name).batch(4).wait(False).pop()
    return {
        "results": [item["success"] for item in acked["results"]],
        "again": [message["data"] for message in again],
    }


async def pages(queen, name):
    """Three dead letters of one group and one of another; the newest come first."""
    for group, count in (("mail", 3), ("audit", 1)):
        await queen.queue(name).push([{"transactionId": f"{group}-{n}", "data": n} for n in range(count)])
        reader = queen.queue(name).group(group).batch(1).wait(False)
        for _ in range(count):
            [message] = await reader.pop()
            await queen.ack(message, "dlq", {"group": group, "error": f"{group} failed"})
    return {
        "all": await queen.queue(name).dlq().get(),
        "mail": await queen.queue(name).dlq("mail").limit(2).get(),
        "rest": await queen.queue(name).dlq("mail").limit(2).offset(2).get(),
    }
