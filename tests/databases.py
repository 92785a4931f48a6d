"""A connection to a test's database beside the server's, to look at what is stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from queen.local.database import Database
from queen.local.open_database import Connection


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
