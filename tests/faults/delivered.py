"""The table against the consumers' records: every group had and committed everything, in order."""

from collections.abc import Iterator

from .findings import Finding, Kind
from .records import Take
from .table import Table


def audit_deliveries(table: Table, takes: list[Take], groups: frozenset[str]) -> Iterator[Finding]:
    """What is wrong with what was delivered and committed, once the queue is drained."""
    for group in sorted(groups):
        yield from _committed(table, group)
        for partition in table.heads:
            lane = [take for take in takes if (take.group, take.partition) == (group, partition)]
            yield from _delivered(table, f"{partition} to {group}", partition, lane)


def _committed(table: Table, group: str) -> Iterator[Finding]:
    cursors = {cursor.partition: cursor for cursor in table.cursors if cursor.group == group}
    for partition, head in table.heads.items():
        cursor = cursors.get(partition)
        if cursor is None or cursor.position != head or cursor.consumed != head:
            yield Finding(Kind.NOT_COMMITTED, f"{group}: head of {partition} is {head}, {cursor}")


def _delivered(table: Table, lane: str, partition: str, takes: list[Take]) -> Iterator[Finding]:
    """First deliveries of one partition to one group: all of it, each behind those that came before."""
    position = {each.transaction_id: each.position for each in table.messages if each.partition == partition}
    seen: set[str] = set()
    furthest = 0
    for take in sorted(takes, key=lambda take: take.received_s):
        for transaction_id in take.transaction_ids:
            at = position.get(transaction_id)
            if at is None:
                yield Finding(Kind.INVENTED, f"{transaction_id} in {lane}")
            elif transaction_id not in seen:
                if at < furthest:
                    yield Finding(
                        Kind.OUT_OF_ORDER, f"{transaction_id} at {at} in {lane}, {furthest} had been"
                    )
                furthest = max(furthest, at)
            seen.add(transaction_id)
    for transaction_id in sorted(position.keys() - seen):
        yield Finding(Kind.NOT_DELIVERED, f"{transaction_id} in {lane}")
