"""What a saturation search looks for, and where."""

from locust.argument_parser import LocustArgumentParser
from msgspec import Struct

from loadtests.load.conducting.course import Course
from loadtests.load.conducting.objective import Clock, Objective
from loadtests.load.conducting.saturation import Saturation, Search
from loadtests.load.options.values import OptionError, expect_more_than_0

LEAST_STEP_S = 2.0  # each half of a step needs a whole second at least
LEAST_PRECISION = 0.001  # each halving costs a step
WITHIN = 100  # by this factor below the first rate the search gives up


class SaturationOptions(Struct, frozen=True, kw_only=True):
    """As Locust's parser names them."""

    p99_ms: float
    clock: Clock
    from_rate: float
    most_rate: float
    precision: float
    step_time: float

    @property
    def first_msg_s(self) -> float:
        """The rate that the run begins with."""
        return self.from_rate

    @property
    def most_msg_s(self) -> float:
        """The highest rate."""
        return self.most_rate

    def check(self) -> None:
        """Raise `OptionError` for a value that cannot be."""
        expect_more_than_0("--p99-ms", self.p99_ms)
        expect_more_than_0("--from-rate", self.from_rate)
        if not LEAST_PRECISION <= self.precision <= 1:
            raise OptionError(f"--precision {self.precision:g}: expected a share, {LEAST_PRECISION:g} to 1")
        expect_more_than_0("--most-rate", self.most_rate)
        if self.most_rate < self.from_rate:
            raise OptionError(f"--most-rate {self.most_rate:g}: expected at least --from-rate")
        if not LEAST_STEP_S <= self.step_time <= 3600:
            raise OptionError(f"--step-time {self.step_time:g}: expected {LEAST_STEP_S:g} to 3600 s")

    def course(self, settle_s: float, batch: int) -> Course:
        """The search."""
        return Saturation(
            Objective(p99_ms=self.p99_ms, clock=self.clock),
            Search(
                first_msg_s=self.from_rate,
                least_msg_s=self.from_rate / WITHIN,
                most_msg_s=self.most_rate,
                precision=self.precision,
            ),
            batch=batch,
            settle_s=settle_s,
            step_s=self.step_time,
        )


def add_arguments(parser: LocustArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add(
        "--p99-ms",
        type=float,
        default=50.0,
        env_var="QUEEN_LOAD_P99_MS",
        help="the objective: 99 of 100 pushes are answered within so many ms, and none fails",
    )
    add(
        "--clock",
        choices=["response", "service"],
        default="response",
        env_var="QUEEN_LOAD_CLOCK",
        help="response: from when the push was due; service: from when it was sent",
    )
    add(
        "--from-rate",
        type=float,
        default=500.0,
        env_var="QUEEN_LOAD_FROM_RATE",
        help="messages/s of all producers together that are tried first",
    )
    add(
        "--most-rate",
        type=float,
        default=200_000.0,
        env_var="QUEEN_LOAD_MOST_RATE",
        help="messages/s above which nothing is tried",
    )
    add(
        "--precision",
        type=float,
        default=0.05,
        env_var="QUEEN_LOAD_PRECISION",
        help="between the rate that is found and one that is too high, as a share",
    )
    add(
        "--step-time",
        type=float,
        default=10.0,
        env_var="QUEEN_LOAD_STEP_TIME",
        help="seconds of each step, the time to settle (--warm-up) apart",
    )
