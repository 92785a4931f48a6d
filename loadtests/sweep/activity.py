"""What PostgreSQL is doing for one database, by state and wait event."""

from pathlib import Path

from msgspec import Struct

from queen.database_failures import DATABASE_FAILURES
from queen.local.open_database import Connection

ACTIVITY_SQL = Path(__file__).with_name("activity.sql").read_text(encoding="utf-8")


class Activity(Struct, frozen=True):
    """Client backends at one instant. `wal_bytes` and `rows_inserted` are cumulative.

    `rows_inserted` is what PostgreSQL has been told: a busy backend reports about once a second.
    """

    active: int
    idle: int
    idle_in_transaction: int
    wait_lock: int  # the waits are of active backends, by wait event type
    wait_lwlock: int
    wait_io: int
    wait_client: int
    wait_other: int
    running: int  # active, not waiting
    wal_bytes: int
    rows_inserted: int | None


async def read_activity(connection: Connection, database: str) -> Activity | None:
    """Ask PostgreSQL; None when the connection is gone."""
    try:
        row = await connection.fetchrow(ACTIVITY_SQL, database)
    except DATABASE_FAILURES:
        return None
    assert row is not None
    return Activity(*row.values())
