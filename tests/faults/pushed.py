"""The table against the producers' records: what was acknowledged is there, once and in order."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from .findings import Finding, Kind
from .records import Outcome, Push, Sent
from .table import Table


def audit_pushes(table: Table, pushes: list[Push]) -> Iterator[Finding]:
    """What is wrong with what is stored."""
    stored = Counter(Sent(each.partition, each.transaction_id) for each in table.messages)
    yield from _each_once(stored, pushes)
    yield from _whole_or_not_at_all(stored, pushes)
    yield from _no_gaps(table)
    yield from _in_send_order(table, pushes)


def _each_once(stored: Counter[Sent], pushes: list[Push]) -> Iterator[Finding]:
    by_outcome: dict[Outcome, set[Sent]] = {outcome: set() for outcome in Outcome}
    for push in pushes:
        by_outcome[push.outcome].update(push.messages)
    for message in sorted(by_outcome[Outcome.ACKNOWLEDGED] - stored.keys(), key=str):
        yield Finding(Kind.LOST, str(message))
    for message in stored.keys() - by_outcome[Outcome.ACKNOWLEDGED] - by_outcome[Outcome.UNKNOWN]:
        yield Finding(Kind.UNASKED, str(message))
    for message, times in stored.items():
        if times > 1:
            yield Finding(Kind.DOUBLED, f"{message}: {times} times")


def _whole_or_not_at_all(stored: Counter[Sent], pushes: list[Push]) -> Iterator[Finding]:
    for push in pushes:
        if len({message in stored for message in push.messages}) > 1 and push.outcome is Outcome.UNKNOWN:
            yield Finding(Kind.HALF_APPLIED, f"stored in part: {push}")
        if len(set(push.answers)) > 1:
            yield Finding(Kind.HALF_APPLIED, f"answered {push.answers}: {push}")
        if "duplicate" in push.answers and not push.unknown_tries:
            yield Finding(Kind.FALSE_DUPLICATE, str(push))


def _no_gaps(table: Table) -> Iterator[Finding]:
    positions: dict[str, list[int]] = {partition: [] for partition in table.heads}
    for message in table.messages:
        positions[message.partition].append(message.position)
    for partition, found in positions.items():
        if sorted(found) != list(range(1, table.heads[partition] + 1)):
            yield Finding(Kind.GAP, f"{partition}: head {table.heads[partition]}, {len(found)} messages")


def _in_send_order(table: Table, pushes: list[Push]) -> Iterator[Finding]:
    """Of what was acknowledged: a try that was given up may be applied after what was sent next."""
    position = {Sent(each.partition, each.transaction_id): each.position for each in table.messages}
    latest: defaultdict[tuple[str, str], int] = defaultdict(int)
    for push in pushes:
        if push.outcome is not Outcome.ACKNOWLEDGED:
            continue
        for message in push.messages:
            if message not in position:
                continue  # lost, which is a finding of its own
            lane = (push.producer, message.partition)
            if position[message] < latest[lane]:
                yield Finding(Kind.REORDERED, f"{message} of {push.producer} at {position[message]}")
            latest[lane] = max(latest[lane], position[message])
