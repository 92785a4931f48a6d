"""The instance that a worker is part of: all processes that serve one port, seen from one of them."""

import functools
import operator
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from queen.observe.reading import Reading


@dataclass(frozen=True)
class Readings:
    """What the workers of an instance told, by worker id; at least the one that asked."""

    expected: int  # workers
    by_worker: Mapping[int, Reading]

    def total(self) -> Reading:
        """Their sum: what did not answer is not in it."""
        return functools.reduce(operator.add, self.by_worker.values())


class Siblings(Protocol):
    """A worker's number, and the other workers of its instance."""

    @property
    def worker_id(self) -> int:
        """Our own number, from 0."""
        ...

    @property
    def workers(self) -> int:
        """How many the instance has, we included."""
        ...

    async def read(self) -> Mapping[int, Reading]:
        """The readings of the others that answer in time, by worker id."""
        ...

    def answering(self, read: Callable[[], Reading]) -> AbstractAsyncContextManager[None]:
        """Give the others our own reading whenever they ask, inside the block."""
        ...


class Alone:
    """The only worker of its instance."""

    worker_id = 0
    workers = 1

    async def read(self) -> Mapping[int, Reading]:
        """There are no others."""
        return {}

    def answering(self, _read: Callable[[], Reading]) -> AbstractAsyncContextManager[None]:
        """Nobody asks."""
        return nullcontext()
