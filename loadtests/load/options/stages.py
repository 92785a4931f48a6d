"""How the rate changes in a run: the options of `ramp` and `spike`. Rates are of all producers together."""

from locust.argument_parser import LocustArgumentParser
from msgspec import Struct

from loadtests.load.conducting.course import Course, ramp, spike
from loadtests.load.options.values import OptionError, expect_more_than_0

MOST_STEPS = 1_000


class RampOptions(Struct, frozen=True, kw_only=True):
    """As Locust's parser names them."""

    from_rate: float
    to_rate: float
    steps: int
    step_time: float

    @property
    def first_msg_s(self) -> float:
        """The rate that the run begins with."""
        return self.from_rate

    @property
    def most_msg_s(self) -> float:
        """The highest rate."""
        return max(self.from_rate, self.to_rate)

    def check(self) -> None:
        """Raise `OptionError` for a value that cannot be."""
        expect_more_than_0("--from-rate", self.from_rate)
        expect_more_than_0("--to-rate", self.to_rate)
        expect_more_than_0("--step-time", self.step_time)
        if not 2 <= self.steps <= MOST_STEPS:
            raise OptionError(f"--steps {self.steps}: expected 2 to {MOST_STEPS:,}")

    def course(self, settle_s: float, batch: int) -> Course:
        """The stages."""
        return ramp(self.from_rate, self.to_rate, self.steps, settle_s=settle_s, step_s=self.step_time)


class SpikeOptions(Struct, frozen=True, kw_only=True):
    """As Locust's parser names them."""

    base_rate: float
    peak_rate: float
    base_time: float
    peak_time: float

    @property
    def first_msg_s(self) -> float:
        """The rate that the run begins with."""
        return self.base_rate

    @property
    def most_msg_s(self) -> float:
        """The highest rate."""
        return max(self.base_rate, self.peak_rate)

    def check(self) -> None:
        """Raise `OptionError` for a value that cannot be."""
        expect_more_than_0("--base-rate", self.base_rate)
        expect_more_than_0("--peak-rate", self.peak_rate)
        expect_more_than_0("--base-time", self.base_time)
        expect_more_than_0("--peak-time", self.peak_time)

    def course(self, settle_s: float, batch: int) -> Course:
        """The stages."""
        return spike(
            self.base_rate, self.peak_rate, settle_s=settle_s, base_s=self.base_time, peak_s=self.peak_time
        )


def add_ramp_arguments(parser: LocustArgumentParser) -> None:
    """Add the options of a ramp."""
    add = parser.add_argument
    add(
        "--from-rate",
        type=float,
        default=100.0,
        env_var="QUEEN_LOAD_FROM_RATE",
        help="messages/s of the first step",
    )
    add("--to-rate", type=float, default=1000.0, env_var="QUEEN_LOAD_TO_RATE", help="messages/s of the last")
    add("--steps", type=int, default=10, env_var="QUEEN_LOAD_STEPS", help="how many, evenly spaced")
    add("--step-time", type=float, default=10.0, env_var="QUEEN_LOAD_STEP_TIME", help="seconds of each")


def add_spike_arguments(parser: LocustArgumentParser) -> None:
    """Add the options of a spike."""
    add = parser.add_argument
    add(
        "--base-rate",
        type=float,
        default=500.0,
        env_var="QUEEN_LOAD_BASE_RATE",
        help="messages/s before and after the peak",
    )
    add("--peak-rate", type=float, default=5000.0, env_var="QUEEN_LOAD_PEAK_RATE", help="messages/s of it")
    add(
        "--base-time",
        type=float,
        default=20.0,
        env_var="QUEEN_LOAD_BASE_TIME",
        help="seconds of the base, before the peak and again after it",
    )
    add("--peak-time", type=float, default=10.0, env_var="QUEEN_LOAD_PEAK_TIME", help="seconds of the peak")
