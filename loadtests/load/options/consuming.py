"""Who consumes, and how: groups, think time, failures, leases; and the reading back at the end."""

import math

from locust.argument_parser import LocustArgumentParser
from msgspec import Struct

from loadtests.load.options.values import (
    OptionError,
    convert,
    expect_0_or_more,
    expect_distribution,
    expect_share,
)
from loadtests.load.plan import Consuming

CHECK_S = 15.0  # as long as nothing comes
SHARES_LIMIT = 1 + 1e-9  # what is said to sum to 1 may do so up to rounding


class ConsumingOptions(Struct, frozen=True, kw_only=True):
    """As Locust's parser names them."""

    consumers: float
    groups: int
    think_ms: str
    nack_share: float
    retry_share: float
    slow_share: float
    lease: int
    max_size: int
    drain_for: float

    def check(self) -> None:
        """Raise `OptionError` for a value that cannot be."""
        expect_share("--consumers", self.consumers)
        shares = {
            "--nack-share": self.nack_share,
            "--retry-share": self.retry_share,
            "--slow-share": self.slow_share,
        }
        for name, share in shares.items():
            expect_share(name, share)
        if sum(shares.values()) > SHARES_LIMIT:
            raise OptionError(f"{', '.join(shares)}: together more than 1")
        expect_distribution("--think-ms", self.think_ms)
        expect_0_or_more("--groups", self.groups)
        expect_0_or_more("--max-size", self.max_size)
        expect_0_or_more("--drain-for", self.drain_for)
        if self.lease < 1:
            raise OptionError(f"--lease {self.lease}: expected at least 1")

    def producers_of(self, users: int) -> int:
        """How many of so many users produce: at least one, and with consumers at least one of these, too."""
        if not self.consumers:
            return users
        return max(1, min(users - 1, users - math.floor(users * self.consumers)))

    def consuming(self, users: int) -> Consuming | None:
        """What the consumers among so many users do; None: there are none.

        Raises `OptionError` for a group that nobody is in, and for a user that is to be both.
        """
        if not self.consumers:
            return None
        consumers = users - self.producers_of(users)
        if not consumers:
            raise OptionError(f"--users {users}: with --consumers {self.consumers:g} expected at least 2")
        if self.groups > consumers:
            raise OptionError(f"--groups {self.groups}: there are only {consumers} consumers")
        values: dict[str, object] = {
            "consumers": consumers,
            "groups": self.groups,
            "think_ms": self.think_ms,
            "nack_share": self.nack_share,
            "retry_share": self.retry_share,
            "slow_share": self.slow_share,
            "lease_s": self.lease,
            "max_size": self.max_size,
        }
        return convert(values, Consuming)


def add_arguments(parser: LocustArgumentParser, consumers: float, default: Consuming) -> None:
    """Add the options; `consumers` is the default share of the users, and `default` what they do."""
    add = parser.add_argument
    add(
        "--consumers",
        type=float,
        default=consumers,
        env_var="QUEEN_LOAD_CONSUMERS",
        help="share of the users that consume, 0 to 1",
    )
    add(
        "--groups",
        type=int,
        default=default.groups,
        env_var="QUEEN_LOAD_GROUPS",
        help="consumer groups, each gets every message; 0: all consumers share the queue",
    )
    add(
        "--think-ms",
        default=default.think_ms,
        env_var="QUEEN_LOAD_THINK_MS",
        help="ms of a consumer with a batch before it acknowledges: 20, 5-50 or 10:0.9,500:0.1",
    )
    add(
        "--nack-share",
        type=float,
        default=default.nack_share,
        env_var="QUEEN_LOAD_NACK_SHARE",
        help="share of the batches in which a message is acknowledged as failed",
    )
    add(
        "--retry-share",
        type=float,
        default=default.retry_share,
        env_var="QUEEN_LOAD_RETRY_SHARE",
        help="share of the batches in which a message is given back to be tried again",
    )
    add(
        "--slow-share",
        type=float,
        default=default.slow_share,
        env_var="QUEEN_LOAD_SLOW_SHARE",
        help="share of the batches that are held until their lease is over",
    )
    add(
        "--lease",
        type=int,
        default=default.lease_s,
        env_var="QUEEN_LOAD_LEASE",
        help="seconds of a lease on the run's queue, when there are consumers",
    )
    add(
        "--max-size",
        type=int,
        default=default.max_size,
        env_var="QUEEN_LOAD_MAX_SIZE",
        help="messages that may wait in the run's queue before pushes are refused; 0: any number",
    )
    add(
        "--drain-for",
        type=float,
        default=CHECK_S,
        env_var="QUEEN_LOAD_DRAIN_FOR",
        help="seconds without a message after which reading the run's queue back at the end is given up; "
        "it accounts for every message; 0: it is not read",
    )
