"""A server that wants a token."""

import os

from refusals import refusal

from queen import Queen


async def with_it(queen, name):
    await queen.queue(name).push([{"data": 1}])
    [message] = await queen.queue(name).batch(1).wait(False).pop()
    return {"acked": (await queen.ack(message))["success"]}


async def without_it(queen, name):
    async with Queen(os.environ["QUEEN_URL"]) as stranger:
        return await refusal(stranger.queue(name).push([{"data": 1}]))


async def with_another(queen, name):
    async with Queen(url=os.environ["QUEEN_URL"], bearer_token="not the one") as stranger:
        return await refusal(stranger.queue(name).push([{"data": 1}]))


async def health_without_it(queen, name):
    async with Queen(os.environ["QUEEN_URL"]) as stranger:
        return await stranger.admin.health()
