"""Transactions: what was popped is acked and what comes of it is pushed, together or not at all."""


async def _push_and_pop(queen, name, *data, group=None):
    await queen.queue(name).push([{"transactionId": f"t-{each}", "data": each} for each in data])
    reader = queen.queue(name).batch(len(data)).wait(False)
    return await (reader.group(group) if group else reader).pop()


async def _look(queen, name):
    return [message["data"] for message in await queen.queue(name).batch(10).wait(False).pop()]


async def committed(queen, name):
    [message] = await _push_and_pop(queen, name, 1)
    step = queen.transaction().ack(message)
    step.queue(f"{name}-out").partition("p").push([{"data": "first"}, {"data": "second"}])
    answer = await step.commit()
    return {
        "success": answer["success"],
        "types": [result["type"] for result in answer["results"]],
        "input": await _look(queen, name),
        "output": await _look(queen, f"{name}-out"),
    }


async def refused(queen, name):
    """The lease of one of two messages is gone: nothing at all happens."""
    [gone] = await _push_and_pop(queen, f"{name}-gone", "gone")
    [held] = await _push_and_pop(queen, f"{name}-held", "held")
    await queen.ack(gone, "retry")
    try:
        await queen.transaction().queue(f"{name}-out").push([{"data": 1}]).ack(held).ack(gone).commit()
        error = None
    except Exception as why:  # noqa: BLE001 - the client has no other type for it
        error = str(why)
    held_still = await queen.queue(f"{name}-held").batch(1).wait(False).pop()
    return {
        "error": error,
        "output": await _look(queen, f"{name}-out"),
        "gone": await _look(queen, f"{name}-gone"),
        "held_still": held_still == [],
        "acked_later": (await queen.ack(held))["success"],
    }


async def in_a_group(queen, name):
    [message] = await _push_and_pop(queen, name, 1, group="mail")
    await queen.transaction().ack(message, "completed", {"consumer_group": "mail"}).commit()
    rest = await queen.queue(name).group("mail").batch(1).wait(False).pop()
    return {"rest": rest, "others": await _look(queen, name)}


async def two_messages(queen, name):
    messages = await _push_and_pop(queen, name, 1, 2, 3)
    await queen.transaction().ack(messages[:2]).queue(f"{name}-out").push([{"data": "both"}]).commit()
    await queen.ack(messages[2], "retry")
    return {"input": await _look(queen, name), "output": await _look(queen, f"{name}-out")}


async def a_failure_and_its_report(queen, name):
    """A message is nacked and somebody is told, together."""
    await queen.queue(name).config({"retryLimit": 0}).create()
    [message] = await _push_and_pop(queen, name, 1)
    await queen.transaction().ack(message, "failed").queue(f"{name}-out").push([{"data": "failed"}]).commit()
    dead = [letter["data"] for letter in (await queen.queue(name).dlq().get())["messages"]]
    return {"dead": dead, "output": await _look(queen, f"{name}-out")}
