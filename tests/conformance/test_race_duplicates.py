"""The same ids pushed at the same time, over two worker processes: each is stored once."""

import asyncio
import random

from .answers import Pushed
from .client import Queue
from .marks import covers, on
from .serving import Deployment
from .workers import PAIRS_OF_TWO, each_worker

ROUNDS = 40
IDS = 10
CONNECTIONS = 4


@on(PAIRS_OF_TWO)
@covers("POST /api/v1/push")
async def test_of_racing_pushes_of_one_id_one_is_queued_and_the_others_are_its_duplicates(
    deployment: Deployment, orders: Queue
) -> None:
    """Of pushes of the same ids at the same time exactly one is `queued`, the others name its message."""
    chance = random.Random(1)
    async with each_worker(deployment.url, times=CONNECTIONS // 2) as clients:
        for number in range(ROUNDS):
            wanted = [f"{number}-{each}" for each in range(IDS)]
            answers = await asyncio.gather(
                *(orders.seen_by(client).push(*chance.sample(wanted, IDS)) for client in clients)
            )
            by_id: dict[str, list[Pushed]] = {each: [] for each in wanted}
            for pushed in (each for answer in answers for each in answer):
                by_id[pushed.transaction_id].append(pushed)
            for each, pushes in by_id.items():
                assert sorted(one.status for one in pushes) == ["duplicate"] * 3 + ["queued"], each
                assert len({one.message_id for one in pushes}) == 1, each
    stored = await deployment.stored(orders.name)
    assert stored == sorted(f"{number}-{each}" for number in range(ROUNDS) for each in range(IDS))
