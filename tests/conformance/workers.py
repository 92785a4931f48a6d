"""A kept connection to each worker process: who pushes on one and pops on another."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from .client import Client
from .http_client import Session
from .serving import PAIRS

# With two workers, and every strategy.
PAIRS_OF_TWO = [configuration for configuration in PAIRS if configuration.workers == 2]

_CONNECTIONS = 100  # attempts; the kernel deals connections out to the workers at random


@asynccontextmanager
async def each_worker(url: str, times: int = 1) -> AsyncIterator[list[Client]]:
    """Clients with a kept connection each, dealt out in turn: `times` for each of two workers."""
    async with AsyncExitStack() as stack:
        by_worker: dict[int, list[Client]] = {0: [], 1: []}
        for _ in range(_CONNECTIONS):
            if all(len(clients) >= times for clients in by_worker.values()):
                break
            client = Client(await stack.enter_async_context(Session.open(url)))
            by_worker[(await client.get("/health")).json["worker_id"]].append(client)
        yield [by_worker[worker][turn] for turn in range(times) for worker in by_worker]
