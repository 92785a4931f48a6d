"""The end of a run: is every message accounted for? Reads the queue over HTTP and adds the answer.

Two things are judged, in a queue that only this run uses. What is stored: a fresh group reads the log from
its start (left out where the owner of the database looks into the table afterwards). What was delivered:
each group of the run is read to its end, and its account must explain every delivery.
"""

import logging
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from loadtests import results
from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.law import FOREIGN, StoredLog
from loadtests.load.consuming.drain_reader import QUIET_S, DrainReader, Patience
from loadtests.load.consuming.taking import PoppedMessage, stretches
from loadtests.load.measuring.deliveries import GroupDeliveries, order_scope
from loadtests.load.measuring.figures import ledger_of
from loadtests.load.measuring.group_accounts import DRAIN, group_accounts
from loadtests.load.measuring.part import Lane, Part
from loadtests.load.observing import Verdict
from loadtests.load.plan import LoadPlan, group_names
from loadtests.results import Accounting, GroupAccount, Invalidity, RunFiles, how_read
from loadtests.runs.server_facts import facts_about
from loadtests.runs.validity import ACCOUNTING, accounting_remarks
from queen.cli import EXIT_ACCOUNTING, EXIT_FAILED

LEAST_MSG_S = 1_000  # a queue that is read more slowly than this is not read to its end
NOT_FINISHED = Invalidity(
    reason="not_accounted", detail="not known: reading the messages back was not finished", fatal=False
)

logger = logging.getLogger(__name__)


class LedgerCheck:
    """Judges each run when it is over. A `RunObserver`.

    `environ` tells whether whoever started the server looks into its table (`loadtests.runs.server_facts`).
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def began(self, files: RunFiles, plan: LoadPlan) -> None:
        """Nothing to do."""

    def looked(self, total: Part) -> None:
        """Nothing to do."""

    def ended(self, files: RunFiles, plan: LoadPlan, total: Part) -> Verdict | None:
        """Add what is found to trial.json. Raises OSError.

        What cannot be read to its end is not accounted for, and a run of which that is so has failed; one
        that is not to be read (`check_s` 0) has not.
        """
        if not plan.queue_is_its_own:
            return None
        groups = group_names(plan.consuming) if plan.consuming else ()
        received = group_accounts(total, drained=False, groups=groups)
        if not plan.check_s:
            received = tuple(replace(group, reading="not asked") for group in received)
            return _verdict(_stored(files, None, received))
        _stored(files, None, received, finished=False)  # if this process is ended before it has read all
        table_follows = facts_about(self._environ, plan.host).postgres is not None
        patience = _patience(plan, total, readings=len(groups) + (not table_follows))
        reader = DrainReader(plan.host, plan.queue, partitions=plan.partitions)
        try:
            accounting = None if table_follows else _accounting(reader, plan, total, patience)
            drained, lanes = _read_on(reader, plan, total, patience)
        finally:
            reader.close()
        together = replace(total, lanes=(*total.lanes, *lanes))
        received = group_accounts(together, drained=drained, groups=groups)
        verdict = _verdict(_stored(files, accounting, received))
        if accounting is not None and verdict is None:
            logger.info("every message is accounted for: %s", how_read(accounting))
        return verdict


def _stored(
    files: RunFiles,
    accounting: Accounting | None,
    received: tuple[GroupAccount, ...],
    *,
    finished: bool = True,
) -> tuple[Invalidity, ...]:
    """Write what is known into trial.json; returns the remarks about it."""
    found = accounting_remarks(accounting, received)
    if not finished:
        found = (*(remark for remark in found if remark.fatal), NOT_FINISHED)
    for trial in results.read_trials(files):
        added = replace(trial, accounting=accounting, deliveries=received)
        judged = added.with_remarks(found, instead_of=ACCOUNTING)
        results.write(files.trial(trial.trial_id).trial, judged)
    return found


def _verdict(found: Sequence[Invalidity]) -> Verdict | None:
    """What is wrong comes before what is not known; None: neither."""
    line = "; ".join(remark.detail for remark in found)
    if any(remark.fatal for remark in found):
        return Verdict(EXIT_ACCOUNTING, f"MESSAGES ARE NOT ACCOUNTED FOR: {line}")
    return Verdict(EXIT_FAILED, f"NOT EVERY MESSAGE IS ACCOUNTED FOR: {line}") if found else None


def _patience(plan: LoadPlan, total: Part, *, readings: int) -> Patience:
    """For all messages, so many times over; nothing may come as long as a lease holds it back."""
    quiet_s = plan.check_s + (plan.consuming.lease_s if plan.consuming else 0)
    messages = sum(len(IntervalSet((*each.acknowledged, *each.unknown))) for each in total.ledger)
    return Patience(quiet_s, readings * (quiet_s + messages / LEAST_MSG_S))


def _accounting(reader: DrainReader, plan: LoadPlan, total: Part, patience: Patience) -> Accounting:
    """The account of what is stored."""
    log = StoredLog(ledger_of(total, plan), order_scope(plan))
    to_end = reader.read(
        f"ledger-{plan.run_tag}",
        lambda messages: log.add(stretches(messages, plan.run_tag)),
        enough=log.has_all,
        patience=patience,
    )
    found = replace(log.account(), source="drain", checked_to_end=to_end)
    if to_end:
        return found
    return replace(found, lost=None, faulty=tuple(each for each in found.faulty if each.fault != "lost"))


def _read_on(
    reader: DrainReader, plan: LoadPlan, total: Part, patience: Patience
) -> tuple[bool, tuple[Lane, ...]]:
    """Read each group of the run to its end: whether all were, and what they received by that."""
    if plan.consuming is None:
        return True, ()
    drained, lanes = True, list[Lane]()
    for group in group_names(plan.consuming):
        rest = _Rest(group, plan, total)
        quiet_s = plan.consuming.lease_s + QUIET_S  # what was held at the end comes when its lease is over
        to_end = reader.read(group, rest.take, enough=rest.is_all, patience=patience, quiet_s=quiet_s)
        drained = drained and to_end
        lanes += rest.lanes()
    return drained, tuple(lanes)


class _Rest:
    """What a group had not received when its consumers stopped."""

    def __init__(self, group: str, plan: LoadPlan, total: Part) -> None:
        self._run_tag = plan.run_tag
        self._total = total
        self._earlier = [lane for lane in total.lanes if lane.group == group]
        self._further = GroupDeliveries(group, worker=DRAIN, scope=order_scope(plan), earlier=self._earlier)

    def take(self, messages: Sequence[PoppedMessage]) -> None:
        """The next messages."""
        for stretch in stretches(messages, self._run_tag):
            if stretch.producer != FOREIGN:
                self._further.taken(stretch)

    def is_all(self) -> bool:
        """Whether everything that was acknowledged to the producers has come to the group."""
        together = replace(self._total, lanes=(*self._earlier, *self.lanes()))
        return all(group.undelivered == 0 for group in group_accounts(together, drained=True))

    def lanes(self) -> tuple[Lane, ...]:
        """What has come since."""
        return self._further.lanes()
