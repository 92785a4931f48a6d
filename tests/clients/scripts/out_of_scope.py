"""Calls that this server does not have: what the client makes of the answer."""

import os

from refusals import refusal

from queen import Queen

NOBODY = "0190a000-0000-7000-8000-00000000dead"


async def administration(queen, name):
    admin = queen.admin
    calls = {
        "overview": admin.get_overview(),
        "namespaces": admin.get_namespaces(),
        "tasks": admin.get_tasks(),
        "partitions": admin.get_partitions(queue=name),
        "queue's statistics": admin.get_queue_detail(name),
        "analytics": admin.get_analytics(interval="minute"),
        "system metrics": admin.get_system_metrics(),
        "worker metrics": admin.get_worker_metrics(),
        "lagging": admin.get_lagging_consumers(60),
        "refresh": admin.refresh_consumer_stats(),
        "trace names": admin.get_trace_names(),
        "traces by name": admin.get_traces_by_name("x"),
        "traces": admin.get_traces_for_message(NOBODY, "t"),
        "delete message": admin.delete_message(NOBODY, "t"),
        "retry message": admin.retry_message(NOBODY, "t"),
        "subscription": queen.update_consumer_group_timestamp("mail", "2026-01-01T00:00:00Z"),
    }
    return {call: await refusal(calling) for call, calling in calls.items()}


async def administration_of_old(queen, name):
    """Calls that 2.6.0 no longer has."""
    admin = queen.admin
    calls = {
        "maintenance": admin.get_maintenance_mode(),
        "set maintenance": admin.set_maintenance_mode(False),
        "pop maintenance": admin.get_pop_maintenance_mode(),
        "postgres": admin.get_postgres_stats(),
        "clear": admin.clear_queue(name),
        "move": admin.move_message_to_dlq(NOBODY, "t"),
    }
    return {call: await refusal(calling) for call, calling in calls.items()}


async def later_surfaces(queen, name):
    """Calls that came after 0.15.0."""
    calls = {
        "key-value": queen.kv.put("ns", "key", 1, ttl_seconds=60),
        "timer": queen.timers.schedule(name, "key", 1, delay_ms=1_000),
        "lock": queen.locks.acquire("lock", ttl_seconds=30, owner="me"),
        "fetch": queen.queue(name).fetch(["Default"]),
        "changed": queen.queue(name).changed_since(),
        "ephemeral": queen.ephemeral.push("inbox", [{"data": 1}]),
    }
    return {call: await refusal(calling) for call, calling in calls.items()}


async def traces(queen, name):
    """A handler's trace fails, and the message is handled all the same."""
    await queen.queue(name).push([{"data": 1}])
    traced = []

    async def handler(message):
        traced.append(await message["trace"]({"traceName": "order", "data": {"text": "begun"}}))

    await queen.queue(name).batch(1).limit(1).consume(handler)
    return {"traced": traced}


async def by_namespace(queen, name):
    await queen.queue(name).namespace("shop").create()
    await queen.queue(name).push([{"data": 1}])
    return {"popped": await queen.queue().namespace("shop").batch(1).wait(False).pop()}


async def consuming_by_namespace(queen, name):
    """A consumer ends with the error: it does not ask again and again."""

    async def handler(message):
        raise AssertionError(message)

    return await refusal(queen.queue().namespace("shop").batch(1).consume(handler))


async def conflation(queen, name):
    """2.6.0 finds out by itself that the answer does not speak of conflation."""
    from queen.errors import ConflationUnsupportedError  # not in 0.15.0

    await queen.queue(name).push([{"data": 1}])
    try:
        await queen.queue(name).group("mail").conflation().batch(1).wait(False).pop()
    except ConflationUnsupportedError:
        return {"unsupported": True}
    return {"unsupported": False}


async def binary_push(queen, name):
    async with Queen(url=os.environ["QUEEN_URL"], binary_push=True) as binary:
        return await refusal(binary.queue(name).push([{"data": 1}]))


async def guarded_transaction(queen, name):
    """A condition that the server does not know must not be dropped: nothing may be pushed without it."""
    step = queen.transaction().once("dedup", "key", ttl_seconds=60).queue(name).push([{"data": 1}])
    return await refusal(step.commit())
