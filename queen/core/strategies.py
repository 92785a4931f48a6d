"""PUSH_STRATEGY: the ways from a push to the table. The answers and the guarantees are the same."""

from queen.core.coalesce import Coalescer, Insert
from queen.core.store import Store
from queen.settings import PushStrategy, Settings


def insert_of(store: Store, settings: Settings) -> Insert:
    """How pushes are stored."""
    match settings.push_strategy:
        case PushStrategy.SEQUENTIAL:
            return store.push_sequential
        case PushStrategy.BATCH:
            return store.push_batch
        case PushStrategy.COALESCE:
            coalescer = Coalescer(
                store.push_batch,
                flights=settings.push_max_flushes,
                messages=settings.push_max_flush_messages,
                boarding_ms=settings.db_connection_timeout,
            )
            return coalescer.insert
