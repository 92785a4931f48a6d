"""The loads that a person can start, by name: the locustfiles, and the names of `queen load`."""

from typing import Literal

from msgspec import Struct

from loadtests.load.plan import SHAPES, Consuming

CourseKind = Literal["constant", "ramp", "spike", "saturation"]


class Scenario(Struct, frozen=True, kw_only=True):
    """The defaults of one load. What is pushed is that of the guide's reasonable load, if not said."""

    about: str
    batch: int = SHAPES["reasonable"][0]
    interval_ms: float = SHAPES["reasonable"][1]  # between two pushes of one producer, while the rate stays
    course: CourseKind = "constant"
    consumers: float = 0.0  # share of the users
    consuming: Consuming = Consuming()  # what they do, if there are any
    warm_up_s: float = 1.0  # at the start of each stage, not measured
    run_time: str | None = None  # without a page, if nobody says; None: its course ends by itself


def _guide(name: str) -> Scenario:
    batch, interval_ms = SHAPES[name]
    return Scenario(
        about=f"{batch} messages every {interval_ms:g} ms from each producer",
        batch=batch,
        interval_ms=interval_ms,
        run_time="30s",
    )


SCENARIOS: dict[str, Scenario] = {
    **{name: _guide(name) for name in SHAPES},
    "ramp": Scenario(about="the rate rises in steps", course="ramp", warm_up_s=2.0),
    "spike": Scenario(about="a base load, a peak, the base again", course="spike", warm_up_s=2.0),
    "mixed": Scenario(
        about="half of the users consume, in two groups, with failures and slow consumers",
        consumers=0.5,
        consuming=Consuming(
            groups=2,
            think_ms="1-20",
            nack_share=0.02,
            retry_share=0.01,
            slow_share=0.001,
            lease_s=5,
            max_size=10_000,
        ),
        run_time="1m",
    ),
    "soak": Scenario(about="a steady load for long, half of the users consume", consumers=0.5, run_time="1h"),
    "saturation": Scenario(
        about="finds the highest rate that meets an objective", course="saturation", warm_up_s=2.0
    ),
}
