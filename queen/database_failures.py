"""What the driver raises when the database fails. Whoever asks PostgreSQL catches these and no others.

The last of `DRIVER_FAILURES` is what asyncpg says for some milliseconds after PostgreSQL has ended a session
("cannot switch to state").
"""

import asyncpg

DRIVER_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
DATABASE_FAILURES = (OSError, *DRIVER_FAILURES)  # TimeoutError and ConnectionError are OSErrors


def one_line(error: BaseException) -> str:
    """What a failure says, or its name when it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
