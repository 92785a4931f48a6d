"""When is pushed: loop, rate, interval, arrivals, pushes in flight, warm-up."""

from locust.argument_parser import LocustArgumentParser
from msgspec import Struct

from loadtests.load.options.values import expect_0_or_more, expect_more_than_0
from loadtests.load.scenario import Scenario
from loadtests.results import Loop

RATE_FROM_INTERVAL = 0.0
CAP_BY_RULE = 0


class PacingOptions(Struct, frozen=True, kw_only=True):
    """As Locust's parser names them."""

    interval: float
    loop: Loop
    rate: float
    arrivals: str
    in_flight: int
    warm_up: float

    @property
    def rate_msg_s(self) -> float | None:
        """The offered load of all producers together; None: as fast as answers or intervals allow."""
        return self.rate if self.loop == "open" and self.rate else None

    @property
    def interval_ms(self) -> float | None:
        """Between two pushes of one producer; None: a closed loop has none."""
        return self.interval if self.loop == "open" else None

    def check(self) -> None:
        """Raise `OptionError` for a value that cannot be."""
        expect_more_than_0("--interval", self.interval)
        expect_0_or_more("--rate", self.rate)
        expect_0_or_more("--in-flight", self.in_flight)
        expect_0_or_more("--warm-up", self.warm_up)


def add_arguments(parser: LocustArgumentParser, scenario: Scenario) -> None:
    """Add the options, with the scenario's defaults."""
    add = parser.add_argument
    add(
        "--interval",
        type=float,
        default=scenario.interval_ms,
        env_var="INTERVAL",
        help="ms between two pushes of one producer (open loop)",
    )
    add(
        "--loop",
        choices=["open", "closed"],
        default="open",
        env_var="QUEEN_LOAD_LOOP",
        help="open: pushes keep a schedule; closed: the next push right after the answer",
    )
    add(
        "--rate",
        type=float,
        default=RATE_FROM_INTERVAL,
        env_var="QUEEN_LOAD_RATE",
        help="messages/s of all producers together (open loop); 0: one batch every interval each",
    )
    add(
        "--arrivals",
        choices=["random", "aligned", "poisson"],
        default="random",
        env_var="QUEEN_LOAD_ARRIVALS",
        help="open loop: a fixed interval with random phases, all in step, or Poisson arrivals",
    )
    add(
        "--in-flight",
        type=int,
        default=CAP_BY_RULE,
        env_var="QUEEN_LOAD_IN_FLIGHT",
        help="open loop: most unanswered pushes of one producer; 0: as many as can be due before the"
        " client's patience ends",
    )
    add(
        "--warm-up",
        type=float,
        default=scenario.warm_up_s,
        env_var="QUEEN_LOAD_WARM_UP",
        help="seconds that are not measured, when all users are there and after each change of the rate",
    )
