"""What is known of a load at one time: the server's pool and backlog, its database, the run."""

from msgspec import Struct

from loadtests.load.measuring.figures import measured_s, unanswered
from loadtests.load.measuring.histogram import HistogramCounts
from loadtests.load.measuring.part import NOTHING, Part
from loadtests.load.target import Backlog, PoolGauges
from loadtests.runs.control import DatabaseView


class RunView(Struct, frozen=True, kw_only=True):
    """A run at one time: what its latest window holds until now, so that two views tell what came between."""

    place: tuple[str, int]  # the run's tag and the number of the window
    age_s: float  # how long the window has been on
    acknowledged: int = 0  # messages
    in_flight: int = 0  # requests: pushes without an answer, whenever they were due
    missed: int = 0
    held: int = 0
    service: HistogramCounts = NOTHING
    response: HistogramCounts = NOTHING  # of a closed loop nothing: it has no intended start
    lag: HistogramCounts = NOTHING

    @classmethod
    def of(cls, total: Part) -> "RunView":
        """What a part says."""
        return cls(
            place=(total.run_tag, total.window),
            age_s=measured_s(total),
            acknowledged=total.counts.acknowledged,
            in_flight=unanswered(total),
            missed=total.counts.missed,
            held=total.counts.held,
            service=total.service,
            response=total.response if total.lag.buckets else NOTHING,
            lag=total.lag,
        )


class Reading(Struct, frozen=True, kw_only=True):
    """All sources at one time; `t_s` is `perf_counter`, None is not available."""

    t_s: float
    pool: PoolGauges | None = None
    backlog: Backlog | None = None
    database: DatabaseView | None = None
    run: RunView | None = None
