"""Versioned migrations: each file of migrations/ once, in order, in one transaction of its own.

Servers that start together take turns (an advisory lock). A database that was migrated by a newer
version, or by a file that has changed since, is refused: nothing is guessed. So is one that cannot be ours
(`queen.postgres.fitness`).
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from queen.database_failures import DATABASE_FAILURES
from queen.errors import UserError
from queen.postgres.connection import Connection
from queen.postgres.fitness import read_fitness

_LOCK = 7167001  # any number, the same for every version

_PREPARE = """
create schema if not exists queen;
create table if not exists queen.migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""


@dataclass(frozen=True)
class Migration:
    """One file, `NNNN_name.sql`."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Those of this version, in order."""
    folder = files(__package__).joinpath("migrations")
    found = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [
        Migration(int(name[:4]), name[5:-4], folder.joinpath(name).read_text(encoding="utf-8"))
        for name in found
    ]


async def migrate(connection: Connection) -> int:
    """Bring the database to this version; returns how many migrations were applied.

    Raises `UserError` when the database is not one that this version can bring forward, or one that refuses
    to be prepared.
    """
    fitness = await read_fitness(connection)
    if complaint := fitness.complaint():
        raise UserError(complaint)
    try:
        return await _bring_forward(connection)
    except DATABASE_FAILURES as error:
        raise fitness.refusal(error) from error


async def _bring_forward(connection: Connection) -> int:
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_PREPARE)
        rows = await connection.fetch("select version, checksum from queen.migrations")
        applied: dict[int, str] = {row["version"]: row["checksum"] for row in rows}
        ours = migrations()
        _refuse_strangers(applied, ours)
        missing = [migration for migration in ours if migration.version not in applied]
        for migration in missing:
            await connection.execute(migration.sql)
            await connection.execute(
                "insert into queen.migrations (version, name, checksum) values ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.checksum,
            )
    return len(missing)


def _refuse_strangers(applied: dict[int, str], ours: list[Migration]) -> None:
    known = {migration.version: migration for migration in ours}
    for version, checksum in sorted(applied.items()):
        if version not in known:
            raise UserError(
                f"the database has migration {version}, this version of queen knows {max(known)}: "
                "a newer queen has used it"
            )
        if known[version].checksum != checksum:
            raise UserError(
                f"migration {version} ({known[version].name}) of the database differs from this version's: "
                "use another database, or drop schema queen if its messages may go"
            )
