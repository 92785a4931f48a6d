"""Is every message accounted for? Yes, no, or not known: one answer, for everyone who shows it."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from loadtests.results.trial import Accounting, GroupAccount, Trial

NOBODY_LOOKED = "what is stored (nobody has looked)"


class Accounted(Struct, frozen=True):
    """The answer, and what it rests on."""

    holds: bool | None  # True: every message is accounted for; False: something is wrong; None: not known
    because: tuple[str, ...]  # how it was read; what is wrong; what is not known. Never empty

    def __str__(self) -> str:
        """In a line, for instance "yes: 100 in the table"."""
        case = {True: "yes", False: "NO", None: "not known"}[self.holds]
        return f"{case}: {', '.join(self.because)}"


def accounted(trial: Trial) -> Accounted:
    """The answer of what is stored and of what every group received, together."""
    account, groups = trial.accounting, trial.deliveries
    stored = account.faults if account is not None else ()
    received = (fault for group in groups for fault in group.named_faults)
    if wrong := (*stored, *received):
        return Accounted(False, (*wrong, *(f"not known: {what}" for what in unknowns(account, groups))))
    left_out = (NOBODY_LOOKED,) if account is None else ()
    if why := (*left_out, *unknowns(account, groups), *_left_alone(groups)):
        return Accounted(None, why)
    assert account is not None
    return Accounted(True, (how_read(account),))


def unknowns(account: Accounting | None, groups: Sequence[GroupAccount]) -> Iterator[str]:
    """What should have been found out and was not; of what nobody was to look into nothing is said."""
    if account is not None and not account.checked_to_end:
        yield f"what is lost ({account.stored:,} read back, {account.acknowledged:,} acknowledged)"
    if account is not None and (account.unheard_producers or account.unheard_processes):
        yield f"what lost processes did last ({account.unheard_stored:,} stored that nobody has told of)"
    for group in groups:
        if group.unjudged:
            yield f"what {group.name} received ({group.unjudged})"
        elif group.reading == "cut off":
            yield f"what else {group.name} received (not read to the end)"
        elif group.undelivered is None and group.reading == "ended":
            yield f"what {group.name} never received"


def how_read(account: Accounting) -> str:
    """How much is stored, and how it was read."""
    return f"{account.stored:,} {account.way}"


def _left_alone(groups: Iterable[GroupAccount]) -> Iterator[str]:
    for group in groups:
        if group.reading == "not asked" and not group.unjudged:
            yield f"what else {group.name} received (it was not to be read to the end)"
