"""What an audit can find."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Kind(enum.Enum):
    """The broken promise."""

    LOST = "acknowledged, not stored"
    DOUBLED = "stored twice in its partition"
    UNASKED = "stored, though nobody sent it or every answer said that it was not"
    HALF_APPLIED = "some messages of a push are stored or new, others are not"
    FALSE_DUPLICATE = "answered `duplicate`, though no try before may have stored it"
    GAP = "the positions of a partition are not 1 … head"
    REORDERED = "not stored in the order in which its producer sent"
    NOT_DELIVERED = "stored, but never delivered to a group"
    OUT_OF_ORDER = "first delivered before one that stands ahead of it"
    INVENTED = "delivered, but not stored"
    NOT_COMMITTED = "a group has not committed everything exactly once"
    DELIVERED_AGAIN = "delivered again, though its lease had not ended or an ack had committed it"
    TWO_HOLDERS = "two leases on a (partition, group) at a time"
    LATE_ACK = "an ack succeeded after its lease had run out"


@dataclass(frozen=True)
class Finding:
    """One broken promise, and where."""

    kind: Kind
    where: str

    def __str__(self) -> str:
        return f"{self.kind.name} ({self.kind.value}): {self.where}"


def kinds(findings: Iterable[Finding]) -> set[Kind]:
    """Which promises were broken."""
    return {finding.kind for finding in findings}
