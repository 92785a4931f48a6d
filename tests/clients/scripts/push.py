"""Pushing: at once, again, and through the client's buffer."""

import os
from uuid import uuid4

from refusals import refusal

from queen import Queen

PAYLOADS = [
    None,
    {},
    [],
    "",
    0,
    False,
    {"b": 1, "a": {"deep": [None, {"er": 1.5}]}},
    'naïve ☃ 😀 \u0000 " \\',
    123456789012345678901234567890,
]


async def several(queen, name):
    items = [{"transactionId": f"t-{n}", "data": {"n": n}} for n in range(3)]
    answer = await queen.queue(name).partition("p").push(items)
    return {"statuses": [item["status"] for item in answer], "keys": sorted(answer[0])}


async def payloads(queen, name):
    await queen.queue(name).push([{"data": payload} for payload in PAYLOADS])
    messages = await queen.queue(name).batch(len(PAYLOADS)).wait(False).pop()
    return {"pushed": PAYLOADS, "popped": [message["data"] for message in messages]}


async def traced(queen, name):
    """The client passes on what is a UUID of version 4, and drops what is not."""
    traces = [str(uuid4()), "order-17"]
    await queen.queue(name).push([{"traceId": trace, "data": 1} for trace in traces])
    messages = await queen.queue(name).batch(2).wait(False).pop()
    return {"sent": traces[0], "got": [message["traceId"] for message in messages]}


async def the_same_again(queen, name):
    seen = []

    async def on_duplicate(items, _error):
        seen.extend(item["transactionId"] for item in items)

    first = await queen.queue(name).push([{"transactionId": "t", "data": 1}])
    second = await queen.queue(name).push([{"transactionId": "t", "data": 2}]).on_duplicate(on_duplicate)
    return {
        "statuses": [first[0]["status"], second[0]["status"]],
        "same_message": first[0]["message_id"] == second[0]["message_id"],
        "told": seen,
    }


async def buffered(queen, name):
    orders = queen.queue(name).buffer({"message_count": 100, "time_millis": 60_000, "max_size": 1_000})
    for n in range(60):
        await orders.push([{"transactionId": f"t-{n:02}", "data": n}])
    before = await queen.queue(name).batch(100).wait(False).pop()
    await queen.flush_all_buffers()
    after = await queen.queue(name).batch(100).wait(False).pop()
    return {"before": len(before), "after": [message["data"] for message in after]}


async def buffered_and_closed(queen, name):
    """More than one buffer full, and the rest is left to `close()`, which the end of the script calls."""
    orders = queen.queue(name).buffer({"message_count": 10, "time_millis": 60_000})
    for n in range(45):
        await orders.push([{"transactionId": f"t-{n:02}", "data": n}])
    return {}


async def too_long_a_name(queen, name):
    return await refusal(queen.queue("q" * 256).push([{"data": 1}]))


async def one_server_is_down(queen, name):
    nobody = "http://127.0.0.1:1"
    async with Queen([nobody, os.environ["QUEEN_URL"]]) as pair:
        answer = await pair.queue(name).push([{"transactionId": "t", "data": 1}])
    return {"statuses": [item["status"] for item in answer]}
