"""Was every message accounted for? The trials' own answers, put together."""

from collections import Counter
from collections.abc import Iterable, Sequence

from loadtests.results import Accounted, Accounting, GroupAccount, Trial, accounted
from reports.runs import Run
from reports.verdict import AccountingTotals, DeliveryTotals


def accounting(runs: Iterable[Run]) -> AccountingTotals | None:
    """Sums over all trials, valid or not; None when nobody has looked into any of them.

    One trial of which it is not known whether every message is accounted for leaves it open for all.
    """
    trials = [trial for run in runs for trial in run.trials]
    audits = [trial.accounting for trial in trials if trial.accounting is not None]
    if not audits and not any(trial.deliveries for trial in trials):
        return None
    holds, because = _answer([accounted(trial) for trial in trials])
    return AccountingTotals(
        trials=len(trials),
        acknowledged=sum(audit.acknowledged for audit in audits),
        stored=sum(audit.stored for audit in audits),
        unknown=sum(audit.unknown for audit in audits),
        unknown_stored=sum(audit.unknown_stored for audit in audits),
        lost=_lost(trials),
        duplicated=sum(audit.duplicated for audit in audits),
        unexplained=sum(audit.unexplained for audit in audits),
        out_of_order=sum(audit.out_of_order for audit in audits),
        deliveries=_deliveries(trials),
        ways=_ways(audits),
        holds=holds,
        because=because,
    )


def _answer(answers: Sequence[Accounted]) -> tuple[bool | None, tuple[str, ...]]:
    """That of all trials together: the worst of them, and of how many trials it is."""
    holds = min((answer.holds for answer in answers), key=[False, None, True].index)
    same = [answer.because for answer in answers if answer.holds is holds]
    if holds:
        return holds, ()
    first = ", ".join(same[0])
    return holds, (
        first if len(answers) == 1 else f"{len(same)} of {len(answers)} trials, for instance: {first}",
    )


def _ways(audits: Sequence[Accounting]) -> tuple[str, ...]:
    """How what is stored was read, of how many trials."""
    ways = Counter(audit.way for audit in audits)
    return tuple(f"{way} ({trials} of the trials)" for way, trials in ways.items())


def _lost(trials: Iterable[Trial]) -> int | None:
    """Files of earlier versions have 0 where it is not known."""
    audits = [trial.accounting for trial in trials]
    lost = sum(audit.lost or 0 for audit in audits if audit is not None)
    unknown = any(audit is None or audit.lost is None or not audit.checked_to_end for audit in audits)
    return None if unknown and not lost else lost


def _deliveries(trials: Iterable[Trial]) -> tuple[DeliveryTotals, ...]:
    groups: dict[str, list[GroupAccount]] = {}
    for trial in trials:
        for group in trial.deliveries:
            groups.setdefault(group.name, []).append(group)
    return tuple(
        DeliveryTotals(
            group=name,
            delivered=sum(group.delivered for group in seen),
            undelivered=_sum(group.undelivered for group in seen),
            nacked=sum(group.nacked for group in seen),
            lapsed=sum(group.lapsed for group in seen),
            again=_sum(group.again for group in seen),
            unexplained=_sum(group.unexplained for group in seen),
            out_of_order=sum(group.out_of_order for group in seen),
            unjudged=next((group.unjudged for group in seen if group.unjudged), ""),
        )
        for name, seen in sorted(groups.items())
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(each or 0 for each in known)
