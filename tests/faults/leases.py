"""The consumers' records against the rules of a lease: one holder at a time, again only when it was given up.

A lease is claimed between a pop's asking and its receiving. It ends, at the earliest, when an ack that may
end it is sent, or when its time has passed since the asking. All that is said here follows from that: a
finding is certain, and what the records leave open is none.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from .findings import Finding, Kind
from .records import Ack, Acked, Take

NACKS = frozenset({"failed", "retry"})
CLOCKS_S = 0.05  # the database's clock against ours, over the seconds of a lease


@dataclass(frozen=True)
class Held:
    """A take and how it may have ended.

    `ends_s`: the first moment at which the lease may have ended; `given_up_s`: the same, but without a commit
    of its last message. `committed`: what its acks committed for certain, and were the first to.
    """

    take: Take
    ends_s: float
    given_up_s: float
    committed: frozenset[str]
    late: frozenset[str]


def audit_leases(takes: list[Take], acks: list[Ack], lease_s: float) -> Iterator[Finding]:
    """What is wrong with who held what, and when."""
    tries: dict[tuple[str, str], list[Ack]] = defaultdict(list)
    for ack in acks:
        tries[ack.lease_id, ack.partition].append(ack)
    lanes: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for take in sorted(takes, key=lambda take: take.received_s):
        held = _held(take, tries[take.lease_id, take.partition], lease_s)
        lanes[take.group, take.partition].append(held)
        if held.late:
            yield Finding(Kind.LATE_ACK, f"{sorted(held.late)}: {take}")
    for lane in lanes.values():
        yield from _one_holder(lane)
        yield from _again_when_given_up(lane)


def _held(take: Take, acks: list[Ack], lease_s: float) -> Held:
    out_s = take.asked_s + lease_s - CLOCKS_S
    late_s = take.received_s + lease_s + CLOCKS_S
    nacks_s = [ack.sent_s for ack in acks if any(_nacks(item) for item in ack.items)]
    commits_s = [ack.sent_s for ack in acks if any(_commits_all(item, take) for item in ack.items)]
    return Held(
        take=take,
        ends_s=min((out_s, *nacks_s, *commits_s)),
        given_up_s=min((out_s, *nacks_s)),
        committed=_committed(acks),
        late=_committed([ack for ack in acks if ack.sent_s > late_s]),
    )


def _nacks(item: Acked) -> bool:
    return item.status in NACKS and item.success is not False


def _commits_all(item: Acked, take: Take) -> bool:
    return item.transaction_id == take.transaction_ids[-1] and item.success is not False


def _committed(acks: list[Ack]) -> frozenset[str]:
    return frozenset(
        item.transaction_id
        for ack in acks
        for item in ack.items
        if item.success and not item.noop and item.status not in NACKS
    )


def _one_holder(lane: list[Held]) -> Iterator[Finding]:
    """Of any two leases one ended before the other was received."""
    for index, one in enumerate(lane):
        for two in lane[index + 1 :]:
            if two.take.received_s >= one.ends_s:
                break  # and so are all behind it
            if two.ends_s > one.take.received_s:
                yield Finding(Kind.TWO_HOLDERS, f"{one.take} and {two.take}")


def _again_when_given_up(lane: list[Held]) -> Iterator[Finding]:
    """Of any two leases on one message one was given up before the other, and only the other commits it."""
    holders: dict[str, list[Held]] = defaultdict(list)
    for held in lane:
        for transaction_id in held.take.transaction_ids:
            holders[transaction_id].append(held)
    for transaction_id, several in holders.items():
        for one, two in combinations(several, 2):
            two_was_first = two.given_up_s <= one.take.received_s
            if two_was_first:
                continue
            if one.given_up_s > two.take.received_s or transaction_id in one.committed:
                yield Finding(Kind.DELIVERED_AGAIN, f"{transaction_id}: {one.take} and {two.take}")
