"""Coalescing: pushes share calls (core/sharing.py), whoever they are from, up to a number of messages.

A second flush departs only when it is full: pushes to the same partitions wait for each other's locks, so
half-empty flushes would only make more round trips and more commits of the same messages.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from msgspec import Struct

from queen.core.deadline import Deadline
from queen.core.line import Figures
from queen.core.rider import Rider
from queen.core.sharing import HoldOf, Shared
from queen.core.store import NewMessage

Existing = dict[int, str]  # index of a message → id of the one that is there already
Insert = Callable[[Sequence[NewMessage], Sequence[int], Deadline], Awaitable[Existing]]

# A message of more bytes than this weighs as much as several: a call of the database stays below 16 MB, or
# holds a single push.
_BYTES_OF_ONE = 8 * 1024


class Push(Struct, frozen=True, gc=False):
    """Messages of one request, and the partition of each."""

    messages: Sequence[NewMessage]
    partitions: Sequence[int]


Boarding = Rider[Push, Existing]


class Inserts(Protocol):
    """What a flush needs of the store (core/store.py)."""

    async def push_batch(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> Existing:
        """Insert all of them or none."""
        ...


class Coalescer:
    """Inserts by way of `hold`, which gives a store over one connection, many pushes at a time."""

    def __init__(
        self,
        hold: HoldOf[Inserts],
        *,
        flights: int,
        messages: int,
        boarding_ms: float,
        figures: Figures,
    ) -> None:
        self._shared: Shared[Inserts, Push, Existing] = Shared(
            hold, _flush, flights=flights, weight=messages, boarding_ms=boarding_ms, figures=figures
        )

    @property
    def flying(self) -> int:
        """Flushes under way."""
        return self._shared.flying

    @property
    def waiting(self) -> int:
        """Pushes that wait to board, and some that have given up."""
        return self._shared.waiting

    def board(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> Boarding:
        """Like the `Insert` that it is made of. Fails with `PoolTimeout` when no flush comes in time."""
        payload_bytes = 0
        for message in messages:
            payload_bytes += len(message.payload)
        weight = max(len(messages), payload_bytes // _BYTES_OF_ONE)
        return self._shared.board(Push(messages, partitions), weight, deadline)

    async def insert(
        self, messages: Sequence[NewMessage], partitions: Sequence[int], deadline: Deadline
    ) -> Existing:
        """The same, for whoever waits for it."""
        return await self.board(messages, partitions, deadline)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Own the flushes: those still under way at the end of the block are cut off."""
        async with self._shared.running():
            yield


async def _flush(store: Inserts, pushes: Sequence[Push], deadline: Deadline) -> Sequence[Existing]:
    messages = [message for push in pushes for message in push.messages]
    partitions = [partition for push in pushes for partition in push.partitions]
    return _shares(pushes, await store.push_batch(messages, partitions, deadline))


def _shares(pushes: Sequence[Push], existing: Existing) -> list[Existing]:
    """What each push finds of its own."""
    if not existing:
        return [existing] * len(pushes)
    shares: list[Existing] = []
    first = 0
    for push in pushes:
        after = first + len(push.messages)
        shares.append({index - first: existing[index] for index in range(first, after) if index in existing})
        first = after
    return shares
