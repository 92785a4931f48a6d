"""After a load: is every message accounted for? Adds the answer to the run's trial.json."""

from collections.abc import Iterable

import asyncpg
from msgspec.structs import replace

from loadtests import results
from loadtests.ledger.audit import audit
from loadtests.ledger.law import scope_of_order
from loadtests.results import Accounting, Ledger, RunFiles, Trial, TrialFiles
from loadtests.runs.validity import remarks
from loadtests.sweep.databases import connect
from queen.errors import UserError
from queen.local.database import Database


def only_trial(run: RunFiles) -> TrialFiles:
    """The files of a load's one trial."""
    (trial,) = results.read_trials(run)
    return run.trial(trial.trial_id)


async def account_for(runs: Iterable[RunFiles], database: Database | None) -> bool:
    """Audit each run and store the account; whether the law holds for all of them.

    Without a database of ours nothing can be looked up, and in a queue that others may have written to
    nothing can be told: then nothing is claimed. Raises `UserError` when the database cannot be read.
    """
    if database is None:
        return True
    holds = True
    for run in runs:
        files = only_trial(run)
        ledger = results.read(files.ledger, Ledger)
        if ledger.run_tag in ledger.queue:
            account = await _account_for(run, files, ledger, database)
            holds = holds and account.holds
    return holds


async def _account_for(run: RunFiles, files: TrialFiles, ledger: Ledger, database: Database) -> Accounting:
    trial = results.read(files.trial, Trial)
    connection = await connect(database)
    try:
        account = await audit(connection, ledger, order_scope=scope_of_order(trial.cell))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise UserError(f"the messages of {run.root} cannot be checked: {error}") from None
    finally:
        await connection.close()
    found = remarks(trial.cell, trial.load, accounting=account, machine=trial.machine, ceiling_msg_s=None)
    results.write(files.trial, replace(trial, accounting=account, remarks=found))
    return account
