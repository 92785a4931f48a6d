"""Whether a database can be ours: said in one line, with what to do, before anything in it is touched.

A schema `queen` that holds what is not ours is never written to.
"""

from dataclasses import dataclass

import asyncpg

from queen.database_failures import DATABASE_FAILURES, one_line
from queen.errors import UserError
from queen.postgres import statements
from queen.postgres.connection import Connection

ENCODING = "UTF8"  # the only one that holds every text that JSON can


@dataclass(frozen=True, kw_only=True)
class Fitness:
    """What a database says of itself and of us."""

    database: str
    role: str
    encoding: str
    read_only: bool
    standby: bool
    stranger: str | None  # a relation of schema queen, where no migration of ours ever ran

    def complaint(self) -> str | None:
        """Why it cannot be ours, and what to do; None: it can."""
        if self.standby:
            return f"database {self.database} is read-only, a standby: name its primary"
        if self.read_only:
            return (
                f"database {self.database} is read-only: set default_transaction_read_only = off "
                f"for it and for role {self.role}, or use another database"
            )
        if self.encoding != ENCODING:
            return (
                f"database {self.database} is encoded in {self.encoding}, queen needs {ENCODING}: use "
                f"another one (CREATE DATABASE … ENCODING '{ENCODING}' TEMPLATE template0)"
            )
        if self.stranger is not None:
            return (
                f"schema queen of database {self.database} has a relation {self.stranger} that is not ours: "
                "use another database, or rename that schema"
            )
        return None

    def refusal(self, error: Exception) -> UserError:
        """What to say when the database refused to be prepared."""
        said = _said(error)
        if isinstance(error, asyncpg.InsufficientPrivilegeError):
            return UserError(
                f"role {self.role} may not prepare database {self.database} ({said}): GRANT CREATE ON "
                f"DATABASE {self.database} TO {self.role}, or start it as the role that owns schema queen"
            )
        return UserError(f"cannot prepare schema queen of database {self.database}: {said}")


async def read_fitness(connection: Connection) -> Fitness:
    """Ask the database. Raises `UserError` when it does not answer."""
    try:
        row = await connection.fetchrow(statements.READ_FITNESS)
    except DATABASE_FAILURES as error:
        raise UserError(f"cannot ask the database whether it can be used: {_said(error)}") from None
    assert row is not None
    return Fitness(**row)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer within DB_STATEMENT_TIMEOUT"
    return str(error).partition("\n")[0] or one_line(error)
