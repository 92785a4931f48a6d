"""The administrative calls: what there is, what state it is in, groups and where they stand."""

from refusals import refusal


async def _work(queen, name):
    """Two partitions of 3: `mail` has acked the first message of `a` and holds the others of it."""
    await queen.queue(name).namespace("shop").task("ship").config({"leaseTime": 60}).create()
    for partition in ("a", "b"):
        items = [{"transactionId": f"{partition}-{n}", "data": {"n": n}} for n in range(3)]
        await queen.queue(name).partition(partition).push(items)
    group = f"mail-{name}"
    messages = await queen.queue(name).partition("a").group(group).batch(3).wait(False).pop()
    await queen.ack(messages[0], True, {"group": group})
    return group, messages


async def queues(queen, name):
    await _work(queen, name)
    listed = (await queen.admin.list_queues())["queues"]
    return {
        "listed": [queue for queue in listed if queue["name"] == name],
        "one": await queen.admin.get_queue(name),
        "statistics": await queen.admin.get_queue_stats(namespace="shop", limit=1_000),
    }


async def missing_queue(queen, name):
    return await refusal(queen.admin.get_queue(name))


async def depth(queen, name):
    group, _ = await _work(queen, name)
    return {"depth": await queen.admin.get_queue_depth(name, group)}


async def status(queen, name):
    await _work(queen, name)
    return {"status": await queen.admin.get_status(queue=name)}


async def messages(queen, name):
    _, popped = await _work(queen, name)
    partition_id, transaction_id = popped[1]["partitionId"], popped[1]["transactionId"]
    return {
        "all": await queen.admin.list_messages(queue=name),
        "page": await queen.admin.list_messages(queue=name, limit=2, offset=1),
        "partition": await queen.admin.list_messages(queue=name, partition="a"),
        "completed": await queen.admin.list_messages(queue=name, status="completed"),
        "one": await queen.admin.get_message(partition_id, transaction_id),
    }


async def missing_message(queen, name):
    _, popped = await _work(queen, name)
    return await refusal(queen.admin.get_message(popped[0]["partitionId"], "never pushed"))


async def groups(queen, name):
    group, _ = await _work(queen, name)
    listed = await queen.admin.list_consumer_groups()
    return {
        "listed": [each for each in listed if each["name"] == group],
        "one": await queen.admin.get_consumer_group(group),
        "unknown": await queen.admin.get_consumer_group(f"unknown-{name}"),
    }


async def sought(queen, name):
    """To the end, and back to a time before everything."""
    await queen.queue(name).push([{"data": n} for n in range(3)])
    reader = queen.queue(name).group("mail").batch(10).wait(False)
    first = await reader.pop()
    to_end = await queen.admin.seek_consumer_group("mail", name, {"toEnd": True})
    nothing = await reader.pop()
    back = await queen.admin.seek_consumer_group("mail", name, {"timestamp": "2020-01-01T00:00:00Z"})
    again = await reader.pop()
    return {
        "first": len(first),
        "to_end": to_end,
        "nothing": nothing,
        "back": back,
        "again": [message["data"] for message in again],
    }


async def group_of_one_queue_deleted(queen, name):
    for queue in (name, f"{name}-other"):
        await queen.queue(queue).push([{"data": 1}])
        reader = queen.queue(queue).group(f"mail-{name}").batch(1).wait(False)
        await queen.ack(await reader.pop(), True, {"group": f"mail-{name}"})
    answer = await queen.admin.delete_consumer_group_for_queue(f"mail-{name}", name)
    again = await queen.queue(name).group(f"mail-{name}").batch(1).wait(False).pop()
    other = await queen.queue(f"{name}-other").group(f"mail-{name}").batch(1).wait(False).pop()
    return {"answer": answer, "again": len(again), "other": len(other)}


async def health_and_metrics(queen, name):
    return {"health": await queen.admin.health(), "metrics": await queen.admin.metrics()}
