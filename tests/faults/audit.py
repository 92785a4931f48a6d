"""The auditor: the table and the clients' records in, broken promises and figures out."""

from collections import Counter
from dataclasses import dataclass

from .delivered import audit_deliveries
from .findings import Finding
from .leases import NACKS, audit_leases
from .pushed import audit_pushes
from .records import Outcome, Records, Sent
from .table import Table


@dataclass(frozen=True)
class Figures:
    """What to quote of a trial, in messages.

    `nacked` and `ran_out` count deliveries beyond the first by what ended the lease before: a nack, or
    nothing but its time.
    """

    acknowledged: int
    unknown_stored: int
    unknown_not_stored: int
    refused: int
    delivered: int
    nacked: int
    ran_out: int


@dataclass(frozen=True)
class Verdict:
    """The outcome of an audit; it must have no findings."""

    findings: tuple[Finding, ...]
    figures: Figures

    def __str__(self) -> str:
        return "\n".join((str(self.figures), *map(str, self.findings[:20])))


def audit(table: Table, records: Records, groups: frozenset[str], lease_s: float) -> Verdict:
    """Hold the table of a drained queue against the records of all clients that it ever had."""
    findings = (
        *audit_pushes(table, records.pushes),
        *audit_deliveries(table, records.takes, groups),
        *audit_leases(records.takes, records.acks, lease_s),
    )
    return Verdict(findings, _figures(table, records))


def _figures(table: Table, records: Records) -> Figures:
    stored = {Sent(message.partition, message.transaction_id) for message in table.messages}
    outcomes: Counter[tuple[Outcome, bool]] = Counter()
    for push in records.pushes:
        outcomes.update((push.outcome, message in stored) for message in push.messages)
    nacked, ran_out = _repeats(records)
    return Figures(
        acknowledged=records.acknowledged(),
        unknown_stored=outcomes[Outcome.UNKNOWN, True],
        unknown_not_stored=outcomes[Outcome.UNKNOWN, False],
        refused=outcomes[Outcome.REFUSED, False],
        delivered=sum(len(take.transaction_ids) for take in records.takes),
        nacked=nacked,
        ran_out=ran_out,
    )


def _repeats(records: Records) -> tuple[int, int]:
    """Deliveries beyond the first: after a nack of the lease before, and after nothing but its time."""
    nacking = {
        (ack.lease_id, ack.partition)
        for ack in records.acks
        if any(item.status in NACKS and item.success is not False for item in ack.items)
    }
    holder: dict[tuple[str, str, str], str] = {}
    repeats: Counter[bool] = Counter()
    for take in sorted(records.takes, key=lambda take: take.received_s):
        for transaction_id in take.transaction_ids:
            place = (take.group, take.partition, transaction_id)
            if place in holder:
                repeats[(holder[place], take.partition) in nacking] += 1
            holder[place] = take.lease_id
    return repeats[True], repeats[False]
