"""What is asked of the model and what it answers."""

from dataclasses import dataclass

from .parts import BEGINNING, Message, Partition


@dataclass(frozen=True)
class NewMessage:
    """An item of a push. An empty transactionId leaves the choice to the server."""

    queue: str
    partition: str
    transaction_id: str
    payload: int


@dataclass(frozen=True)
class Stored:
    """What became of an item of a push."""

    partition: Partition
    message: Message
    duplicate: bool

    def learn(self, transaction_id: str, message_id: str, partition_id: str) -> None:
        """Take over what was the server's to choose and is not known yet."""
        self.message.transaction_id = self.message.transaction_id or transaction_id
        self.message.id = self.message.id or message_id
        self.partition.uuid = self.partition.uuid or partition_id


@dataclass(frozen=True)
class Pop:
    """What a consumer asks for. `start`: where its group starts, if this is its first contact."""

    queue: str
    partition: str | None
    group: str
    batch: int
    partitions: int
    start: int = BEGINNING


@dataclass(frozen=True)
class Delivered:
    """One message of a delivery."""

    partition: Partition
    message: Message
    retry_count: int
    lease_expiries: int


@dataclass(frozen=True)
class Ack:
    """One acknowledgement. An empty lease: none is named."""

    partition_id: str
    transaction_id: str
    status: str
    lease: str


@dataclass(frozen=True)
class Acked:
    """What became of it; `outcome` is a word of the ack rule, or `unknown status`, or `unregistered`."""

    outcome: str
    dead: bool = False
    released: bool = False
    partition: Partition | None = None

    @property
    def accepted(self) -> bool:
        """Whether a client reads `success`."""
        return self.outcome in ("done", "noop", "returned")
