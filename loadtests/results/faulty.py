"""Which messages a fault is about: the first few of them, and how many there are beyond those."""

from collections.abc import Iterable
from itertools import groupby

from msgspec import Struct


class MessageRange(Struct, frozen=True, kw_only=True):
    """Messages `first` to `last` of a producer in a partition: its sequence numbers, as in ledger.json."""

    producer: int
    partition: str
    first: int
    last: int
    before: int | None = None  # of what is stored out of order: a lower number that was stored behind it
    after: int | None = None  # of what was delivered out of order: a higher number that came before it


class FaultyMessages(Struct, frozen=True, kw_only=True):
    """The messages of one fault, by producer and partition, each once however often it is wrong, rising.

    Those out of order come as they were found, each time that they are.
    """

    fault: str  # name of the count in the account, for instance "lost"
    named: tuple[MessageRange, ...]
    more: int = 0  # messages beyond those


def which(fault: str, found: Iterable[FaultyMessages]) -> str:
    """In words, behind the count: " (producer 0 in p0: 41, 57-58; and 12 more)"; empty: not known.

    Out of order: " (producer 0 in p0: 51 before 50)" in the log, "50 after 51" at a group.
    """
    faulty = next((each for each in found if each.fault == fault), None)
    if faulty is None or not faulty.named:
        return ""
    words = [
        f"producer {producer} in {partition}: {', '.join(map(_numbers, ranges))}"
        for (producer, partition), ranges in groupby(
            faulty.named, key=lambda each: (each.producer, each.partition)
        )
    ]
    more = [f"and {faulty.more:,} more"] if faulty.more else []
    return f" ({'; '.join([*words, *more])})"


def _numbers(messages: MessageRange) -> str:
    numbers = f"{messages.first}" if messages.first == messages.last else f"{messages.first}-{messages.last}"
    if messages.before is not None:
        return f"{numbers} before {messages.before}"
    return numbers if messages.after is None else f"{numbers} after {messages.after}"
