"""The account of a load whose stored messages are all at hand."""

from collections.abc import Iterable

from loadtests.ledger.law import WHOLE_PRODUCER, StoredLog, Stretch
from loadtests.results import Accounting, Ledger


def account_of(ledger: Ledger, stored: Iterable[Stretch], *, order_scope: int = WHOLE_PRODUCER) -> Accounting:
    """What the law says; the stretches of a producer in a partition are in the order of the log."""
    log = StoredLog(ledger, order_scope)
    log.add(stored)
    return log.account()
