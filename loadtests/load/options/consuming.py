"""Who consumes."""

import math

from locust.argument_parser import LocustArgumentParser
from msgspec import Struct

from loadtests.load.options.values import expect_share


class ConsumingOptions(Struct, frozen=True, kw_only=True):
    """As Locust's parser names them."""

    consumers: float

    def check(self) -> None:
        """Raise `OptionError` for a value that cannot be."""
        expect_share("--consumers", self.consumers)

    def producers_of(self, users: int) -> int:
        """How many of so many users produce: at least one."""
        return max(1, users - math.floor(users * self.consumers))


def add_arguments(parser: LocustArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--consumers",
        type=float,
        default=0.0,
        env_var="QUEEN_LOAD_CONSUMERS",
        help="share of the users that consume, 0 to 1",
    )
