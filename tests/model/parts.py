"""What the model of a queue is made of: messages, partitions, cursors, leases.

A *moment* is the number of a step: what was pushed in step 3 was there at moment 3. Moment 0 is before all.
"""

from dataclasses import dataclass, field

from tests.postgres.ack_model import AckModel

QUEUE_MODE = "__QUEUE_MODE__"
BEGINNING = 0  # the moment before the first


@dataclass
class Message:
    """One message. Its id is the server's to choose, and the transactionId too where the client gave none."""

    transaction_id: str
    payload: int
    born: int  # the moment of its push
    id: str = ""


@dataclass
class Lease:
    """A lease on one partition, as far as a client's clock can tell. Seconds of the monotonic clock."""

    id: str
    sure_until_s: float  # it lives at least until here
    over_at_s: float  # and from here on no more


@dataclass
class Cursor:
    """What a group has read of one partition: the ack rule's state, and the lease that it knows of.

    A lease that ran out is remembered until the next pop, or until the position moves without it.
    """

    rule: AckModel
    lease: Lease | None = None

    @property
    def live(self) -> Lease | None:
        """The lease, if it lives."""
        return self.lease if self.rule.lease_end is not None else None

    def forget_ended_lease(self) -> None:
        """Drop the lease, unless it lives or has run out unnoticed so far."""
        if self.rule.lease_end is None and not self.rule.expired:
            self.lease = None


@dataclass
class Partition:
    """Messages in the order of their pushes: the first has position 1."""

    queue: str
    name: str
    uuid: str = ""  # the server's to choose
    messages: list[Message] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)  # by group

    def position_of(self, transaction_id: str) -> int | None:
        """Where the message with this transactionId stands. There is one at most."""
        for position, message in enumerate(self.messages, start=1):
            if message.transaction_id == transaction_id:
                return position
        return None

    def position_at(self, moment: int) -> int:
        """The last position that was there at the moment."""
        return sum(message.born <= moment for message in self.messages)


@dataclass(frozen=True)
class DeadLetter:
    """A message that a group has given up."""

    partition: str
    group: str
    position: int
    retry_count: int


@dataclass(frozen=True)
class Options:
    """The options that change what a client sees. `holds_back`: messages fall due in an hour or so."""

    lease_s: int = 300
    retry_limit: int = 3
    holds_back: bool = False


@dataclass
class Queue:
    """A queue that exists."""

    options: Options = Options()
    partitions: dict[str, Partition] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)


@dataclass
class Subscription:
    """Where a group starts in each partition of a queue: behind what was there at that moment."""

    start: int
    active: bool = True  # False: deleted, but not where it starts
