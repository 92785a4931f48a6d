"""What the clients of a load saw, written down as it happens; the auditor reads it afterwards.

All times are seconds of one clock, the event loop's: every client lives in the process of the test.
"""

import enum
from dataclasses import dataclass, field


class Outcome(enum.Enum):
    """How a push ended for its producer, all its tries taken together."""

    ACKNOWLEDGED = "acknowledged"  # it was answered 201
    REFUSED = "refused"  # each try was answered "not done", and the producer gave up
    UNKNOWN = "unknown"  # a try may have been applied, and the producer gave up


@dataclass(frozen=True)
class Sent:
    """A message as its producer knows it."""

    partition: str
    transaction_id: str


@dataclass(frozen=True)
class Push:
    """One request of a producer, with its retries.

    `answers` are the items' statuses of the answer 201; `unknown_tries` the tries that may have been applied
    without an answer.
    """

    producer: str
    messages: tuple[Sent, ...]
    outcome: Outcome
    answers: tuple[str, ...] = ()
    unknown_tries: int = 0


@dataclass(frozen=True)
class Take:
    """What one pop handed out of one partition. The claim was made between asking and receiving."""

    group: str
    partition: str
    lease_id: str
    asked_s: float
    received_s: float
    transaction_ids: tuple[str, ...]


@dataclass(frozen=True)
class Acked:
    """One item of an ack. `success` None: there was no answer."""

    transaction_id: str
    status: str
    success: bool | None
    noop: bool = False


@dataclass(frozen=True)
class Ack:
    """One try of an ack, for the messages of one take."""

    partition: str
    lease_id: str
    sent_s: float
    items: tuple[Acked, ...]


@dataclass(frozen=True)
class Request:
    """One HTTP request. `status` None: the connection broke before an answer."""

    what: str  # push, pop, ack
    sent_s: float
    ended_s: float
    status: int | None
    code: str = ""  # of an error answer
    retry_after: str | None = None

    @property
    def took_s(self) -> float:
        """Seconds from sending to the answer or the break."""
        return self.ended_s - self.sent_s


@dataclass
class Records:
    """All of a load, each list in the order in which things ended; pushes of one producer in send order."""

    pushes: list[Push] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def acknowledged(self) -> int:
        """Messages whose push was answered 201."""
        return sum(len(push.messages) for push in self.pushes if push.outcome is Outcome.ACKNOWLEDGED)
