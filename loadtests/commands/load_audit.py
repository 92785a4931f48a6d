"""After a load: is every message accounted for? Adds the table's answer to the run's trial.json.

The Locust process has judged already what came to consumers, and what is stored where it could read the
queue back. Whoever has the database looks into the table, which settles what is stored.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from loadtests import results
from loadtests.ledger.audit import audit
from loadtests.ledger.law import scope_of_order
from loadtests.results import Accounting, Invalidity, Ledger, Manifest, RunFiles, Trial, TrialFiles
from loadtests.runs.server_facts import ServerFacts
from loadtests.runs.validity import ACCOUNTING, accounting_remarks
from loadtests.sweep.databases import connect
from queen.errors import UserError
from queen.local.database import Database
from queen.local.open_database import asking, close


def only_trial(run: RunFiles) -> TrialFiles:
    """The files of a load's one trial."""
    (files,) = run.finished()
    return files


def is_of_server(run: RunFiles, started: ServerFacts) -> bool:
    """Whether the run was on the server with these facts: Locust's form may have named another."""
    return results.read(run.manifest, Manifest).versions.server == started.server


def has_lost_a_worker(run: RunFiles) -> bool:
    """Whether a Locust process was lost, so that what it did last is not known."""
    return bool(_trial(run).remarked("worker_lost"))


def was_interrupted(run: RunFiles) -> bool:
    """Whether a signal ended the run before its time."""
    return bool(_trial(run).remarked("interrupted"))


def first_told(tell: Callable[[RunFiles], str], runs: Sequence[RunFiles]) -> str:
    """What `tell` says of the first run of which it says something; where there are several, of which."""
    for number, run in enumerate(runs, 1):
        if told := tell(run):
            return told if len(runs) == 1 else f"run {number} of {len(runs)}, {run.root.name}: {told}"
    return ""


def in_vain(run: RunFiles) -> str:
    """Why no push of it was acknowledged, in one line; empty: one was."""
    return _trial(run).load.in_vain


def not_accounted(run: RunFiles) -> str:
    """What is not known of its messages, in one line; empty: nothing that was to be found out."""
    return "; ".join(_trial(run).remarked("not_accounted"))


def was_read(run: RunFiles) -> bool:
    """Whether its account is that of the table."""
    account = _trial(run).accounting
    return account is not None and account.source == "table"


async def account_for(
    runs: Iterable[RunFiles], database: Database | None, leave: asyncio.Event | None = None
) -> bool:
    """Audit each run and store the account; whether the law holds for all of them.

    Without a database of ours the account is what the Locust process found by reading the queue back; of a
    queue that others may have written to nothing is claimed. When the database cannot be read, that and
    why is remarked (`not_accounted`): what was measured stands all the same. So it is when `leave` is set
    before all was read.
    """
    holds = True
    for run in runs:
        files = only_trial(run)
        trial, ledger = results.read(files.trial, Trial), results.read(files.ledger, Ledger)
        if database is not None and ledger.run_tag in ledger.queue:
            try:
                account = await _unless(leave, _account_for(trial, ledger, database))
                trial = with_account(trial, account)
            except UserError as error:
                trial = unchecked(trial, str(error))
            results.write(files.trial, trial)
        holds = holds and not trial.remarked("accounting")
    return holds


def with_account(trial: Trial, account: Accounting) -> Trial:
    """The trial with this account of what is stored in the place of any other."""
    found = accounting_remarks(account, trial.deliveries)
    return replace(trial, accounting=account).with_remarks(found, instead_of=ACCOUNTING)


def unchecked(trial: Trial, why: str) -> Trial:
    """The trial when the table could not be read; what the load found by itself stays."""
    missing = Invalidity(reason="not_accounted", detail=f"not checked: {why}", fatal=False)
    return trial.with_remarks((missing,), instead_of=("not_accounted",))


def _trial(run: RunFiles) -> Trial:
    return results.read(only_trial(run).trial, Trial)


async def _unless(leave: asyncio.Event | None, reading: Coroutine[Any, Any, Accounting]) -> Accounting:
    """What `reading` gives. Raises `UserError` when `leave` is set before that."""
    task = asyncio.ensure_future(reading)
    leaving = asyncio.ensure_future((leave or asyncio.Event()).wait())
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise UserError("interrupted while it was read")
    finally:
        for each in (task, leaving):
            each.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)


async def _account_for(trial: Trial, ledger: Ledger, database: Database) -> Accounting:
    connection = await connect(database)
    try:
        with asking("the messages cannot be looked up in the database"):
            return await audit(connection, ledger, order_scope=scope_of_order(trial.cell))
    finally:
        await close(connection)
