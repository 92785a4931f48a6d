"""The messages of one push as `queen.push` takes them: grouped by partition, each pair once.

What Python finds out in passing, PostgreSQL would have to sort for: which messages belong to the same
partition, and whether a (partition, transaction id) occurs twice. It almost never does; of equal messages
the first is sent, and the others get its answer.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, pairwise
from uuid import UUID

from msgspec import Struct

from queen.core.store import NewMessage

_LONGEST = 128  # characters of an id that may come after others: `queen.comes_after`


class Grouped(Struct, frozen=True):
    """The arguments of `queen.push` (migrations/0003_push.sql), and the way back to the request.

    `sent`: index in the request of each message that is sent, in that order. `repeats`: index of a message
    that is not sent → index of the equal one that is.
    """

    partitions: Sequence[int]
    firsts: Sequence[int]
    messages: Sequence[NewMessage]
    transaction_ids: Sequence[str]
    sent: Sequence[int]
    repeats: dict[int, int]

    def columns(self) -> tuple[Sequence[object], ...]:
        """The arguments, in their order."""
        return (
            self.partitions,
            self.firsts,
            *self._bounds(),
            [message.id for message in self.messages],
            self.transaction_ids,
            _traces(self.messages),
            [message.payload for message in self.messages],
        )

    def _bounds(self) -> tuple[list[str], list[str]]:
        """The lowest and the highest transaction id of each partition."""
        runs = [self.transaction_ids[first - 1 : end - 1] for first, end in pairwise(self.firsts)]
        bounds = [_bounds(run) for run in runs]
        return [lowest for lowest, _ in bounds], [highest for _, highest in bounds]

    def existing(self, found: Iterable[tuple[int, UUID]]) -> dict[int, str]:
        """Index in the request → id of the message that is there already.

        `found`: the same, by the index among those that were sent.
        """
        existing = {self.sent[number]: str(there) for number, there in found}
        if self.repeats:
            ids = {index: message.id for index, message in zip(self.sent, self.messages, strict=True)}
            existing |= {index: existing.get(first, ids[first]) for index, first in self.repeats.items()}
        return existing


def _bounds(names: Sequence[str]) -> tuple[str, str]:
    """The lowest and the highest in the order of `queen.comes_after` (migrations/0001_tables.sql).

    The lowest is "" where one is too long for that, and the highest of the others is the highest.
    """
    lengths = set(map(len, names))
    least, most = min(lengths), max(lengths)
    if most > _LONGEST:
        return "", _bounds([name for name in names if len(name) <= _LONGEST] or [""])[1]
    if least == most:
        return min(names), max(names)
    return (
        min(name for name in names if len(name) == least),
        max(name for name in names if len(name) == most),
    )


def _traces(messages: Sequence[NewMessage]) -> Sequence[UUID | None]:
    """One for each message, or none at all: a column of nothing is not worth sending."""
    traces = [message.trace_id for message in messages]
    return traces if any(traces) else []


def group(messages: Sequence[NewMessage], partitions: Sequence[int]) -> Grouped:
    """Group the messages by their partitions, which are ids; a partition's messages keep their order."""
    names = [message.transaction_id for message in messages]
    distinct = len(set(names)) == len(names)
    if distinct and partitions and partitions.count(partitions[0]) == len(partitions):
        return Grouped(partitions[:1], [1, len(names) + 1], messages, names, range(len(names)), {})
    repeats = {} if distinct else _repeats(partitions, names)
    members: dict[int, list[int]] = {}
    for index, partition in enumerate(partitions):
        if index not in repeats:
            members.setdefault(partition, []).append(index)
    touched = sorted(members)
    sent = list(chain.from_iterable(members[partition] for partition in touched))
    return Grouped(
        partitions=touched,
        firsts=list(accumulate((len(members[partition]) for partition in touched), initial=1)),
        messages=[messages[index] for index in sent],
        transaction_ids=[names[index] for index in sent],
        sent=sent,
        repeats=repeats,
    )


def _repeats(partitions: Sequence[int], names: Sequence[str]) -> dict[int, int]:
    """Index of each message whose pair stands earlier → index of the first that has it."""
    firsts: dict[tuple[int, str], int] = {}
    repeats = {}
    for index, pair in enumerate(zip(partitions, names, strict=True)):
        first = firsts.setdefault(pair, index)
        if first != index:
            repeats[index] = first
    return repeats
