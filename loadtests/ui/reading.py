"""What is known of a load at one time: the server's pool and backlog, its database, the run."""

from math import ceil

from msgspec import Struct

from loadtests.load.measuring.histogram import HistogramCounts
from loadtests.load.measuring.part import Part
from loadtests.load.target import Backlog, PoolGauges
from loadtests.runs.control import DatabaseView


class RunView(Struct, frozen=True):
    """A run at one time: counts of its latest window, percentiles of that window until now."""

    window: int
    acknowledged: int  # messages
    missed: int  # requests
    held: int
    service_p99_ms: float | None
    response_p99_ms: float | None
    lag_p99_ms: float | None

    @classmethod
    def of(cls, total: Part) -> "RunView":
        """What a part says."""
        return cls(
            window=total.window,
            acknowledged=total.counts.acknowledged,
            missed=total.counts.missed,
            held=total.counts.held,
            service_p99_ms=_p99_ms(total.service),
            response_p99_ms=_p99_ms(total.response),
            lag_p99_ms=_p99_ms(total.lag),
        )


class Reading(Struct, frozen=True, kw_only=True):
    """All sources at one time; `t_s` is `perf_counter`, None is not available."""

    t_s: float
    pool: PoolGauges | None = None
    backlog: Backlog | None = None
    database: DatabaseView | None = None
    run: RunView | None = None


def _p99_ms(counts: HistogramCounts) -> float | None:
    """To the bucket, which is a thousandth wide: not the figure of the result files, but next to free."""
    rank = ceil(0.99 * counts.count)
    for micros, count in counts.buckets:
        rank -= count
        if rank <= 0:
            return micros / 1000
    return None
