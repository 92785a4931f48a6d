"""What a load leaves in a database of the user's own, and the statement that removes it.

A database that was started for the load goes with it. In one that is named by `PG_HOST` the server makes its
schema, if it is not there already, and a run's messages stay in a queue of its own: they are evidence.
"""

from collections.abc import Iterable

from loadtests import results
from loadtests.commands.load_audit import only_trial
from loadtests.results import Ledger, RunFiles
from loadtests.sweep.databases import connect
from queen.local.database import Database
from queen.local.open_database import asking, close

SCHEMA_IS_THERE_SQL = "select to_regnamespace('queen') is not null"


async def has_schema(database: Database) -> bool:
    """Whether a server of ours has been at this database before. Raises `UserError`."""
    connection = await connect(database)
    try:
        with asking("cannot look for the schema queen"):
            return bool(await connection.fetchval(SCHEMA_IS_THERE_SQL))
    finally:
        await close(connection)


def told(database: Database, *, made_schema: bool, runs: Iterable[RunFiles]) -> str:
    """One line; empty: nothing is left. `made_schema`: the load's server made it."""
    where = f"database {database.name} at {database.host}:{database.port}"
    if made_schema:
        return f"left in {where}: the schema queen with all messages; to remove it: drop schema queen cascade"
    queues = dict.fromkeys(ledger.queue for ledger in map(_ledger, runs) if ledger.run_tag in ledger.queue)
    if not queues:
        return ""
    removal = ", ".join(f"queen.delete_queue({_literal(queue)})" for queue in queues)
    return f"left in {where}: the messages of {', '.join(queues)}; to remove them: select {removal}"


def _ledger(run: RunFiles) -> Ledger:
    return results.read(only_trial(run).ledger, Ledger)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
