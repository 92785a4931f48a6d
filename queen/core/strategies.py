"""PUSH_STRATEGY: the ways from a push to the table. The answers and the guarantees are the same."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct

from queen.core.coalesce import Boarding, Coalescer, Insert
from queen.core.deadline import Deadline
from queen.core.line import Figures
from queen.core.store import Hold, NewMessage, Store
from queen.settings import PushStrategy, Settings

Board = Callable[[Sequence[NewMessage], Sequence[int], Deadline], Boarding]


class Strategy(Struct, frozen=True):
    """How pushes are stored.

    `insert` waits until it is done. `board` (None: this strategy has no such thing) does the same without a
    task of the caller's.
    """

    insert: Insert
    board: Board | None = None


@asynccontextmanager
async def strategy_of(
    store: Store, hold: Hold, figures: Figures, settings: Settings
) -> AsyncIterator[Strategy]:
    """The strategy that the settings name, until the end of the block."""
    match settings.push_strategy:
        case PushStrategy.SEQUENTIAL:
            yield Strategy(store.push_sequential)
        case PushStrategy.BATCH:
            yield Strategy(store.push_batch)
        case PushStrategy.COALESCE:
            coalescer = Coalescer(
                hold,
                flights=settings.push_max_flushes,
                messages=settings.push_max_flush_messages,
                boarding_ms=settings.db_connection_timeout,
                figures=figures,
            )
            async with coalescer.running():
                yield Strategy(coalescer.insert, coalescer.board)
