"""A connection of the pool, and whether it still is one."""

from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


def is_lost(connection: Connection) -> bool:
    """Whether a borrowed connection broke.

    asyncpg takes a broken one back at once, and then refuses even to say that it is closed.
    """
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True
