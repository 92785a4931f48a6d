"""Windows as they might have been measured, second by second."""

from collections.abc import Sequence

from msgspec import Struct

from loadtests.load.measuring.histogram import HistogramCounts, SparseHistogram, summed
from loadtests.load.measuring.part import Counts, Part, Step
from loadtests.results import WorkerShare


class Second(Struct, frozen=True, kw_only=True):
    """A second of a window: so many pushes with these times, and what else became of those that were due."""

    ok: int = 100
    service_ms: float = 5.0
    lag_ms: float = 0.1
    connect_ms: float = 0.0  # neither lag nor service
    slow: int = 0  # of the ok: ten times as slow
    pending: int = 0
    failed: int = 0
    missed: int = 0
    held: int = 0


def window(seconds: Sequence[Second], *, number: int = 1, cpu_s: float = 0.1) -> Part:
    steps = tuple(_step(number, index, second) for index, second in enumerate(seconds))
    length_s = float(len(seconds))
    return Part(
        run_tag="t",
        window=number,
        started_at="2026-01-01T00:00:00.000+00:00",
        started_monotonic_s=1.0,
        warmup_s=0.0,
        counts=Counts(
            ok=sum(second.ok for second in seconds),
            not_done=sum(second.failed for second in seconds),
            held=sum(second.held for second in seconds),
            missed=sum(second.missed for second in seconds),
            pending=sum(second.pending for second in seconds),
        ),
        service=summed(step.service for step in steps),
        response=summed(step.response for step in steps),
        lag=summed(step.lag for step in steps),
        steps=steps,
        workers=(
            WorkerShare(worker=0, host="h", cpu_s=cpu_s, measured_s=length_s, producers=1, heard_at="x"),
        ),
    )


def _step(number: int, index: int, second: Second) -> Step:
    sent = second.ok + second.failed
    fast = second.ok - second.slow
    service, lag = second.service_ms, second.lag_ms
    before = lag + second.connect_ms
    return Step(
        number,
        index,
        due=sent + second.pending + second.missed + second.held,
        sent=sent,
        missed=second.missed,
        held=second.held,
        acknowledged=second.ok,
        lag=_times((lag, sent)),
        service=_times((service, fast), (10 * service, second.slow)),
        response=_times((service + before, fast), (10 * service + before, second.slow)),
    )


def _times(*groups: tuple[float, int]) -> HistogramCounts:
    """So many times each of these durations, in ms."""
    return summed(_many(duration_ms / 1000, times) for duration_ms, times in groups if times)


def _many(duration_s: float, times: int) -> HistogramCounts:
    histogram = SparseHistogram()
    histogram.record(duration_s)
    once = histogram.counts()
    ((micros, _),) = once.buckets
    return HistogramCounts(once.total_us * times, once.max_s, ((micros, times),))
