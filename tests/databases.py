"""A connection to a test's database beside the server's, to look at what is stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from queen.local.database import Database
from queen.local.open_database import Connection

# Rows when some session on this database waits for a lock. What a transaction sees of the others stands
# still, so ask outside of one.
WAIT_FOR_A_LOCK = """
    select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
"""


async def connect(database: Database) -> Connection:
    """A connection that is the caller's to close."""
    connection: Connection = await asyncpg.connect(
        host=database.host, port=database.port, user=database.user, database=database.name
    )
    return connection


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator[Connection]:
    """A connection; closed at the end of the block."""
    connection = await connect(database)
    try:
        yield connection
    finally:
        await connection.close()
