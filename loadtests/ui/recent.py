"""Courses: what a line of a chart shows at one time, worked out of the readings of the last seconds.

Counters and histograms are read as they grow; the rates and percentiles are those of what came between the
oldest reading of the last `RECENT_S` and the latest. A figure over the whole run would hide what happens now:
ten minutes in, a stall of five seconds moves no percentile of all answers.
"""

from collections.abc import Callable, Sequence
from math import ceil

from loadtests.load.measuring.histogram import HistogramCounts
from loadtests.load.target import WaitHistogram
from loadtests.ui.reading import Reading, RunView

RECENT_S = 5.0  # rates and percentiles are those of the last five seconds
SPARSE_S = 10.0  # or, where readings are further apart, of the time since the last one, if that is not longer

Value = float | None
Course = Callable[[Sequence[Reading]], Value]  # the value of the last reading; those before are at hand


def now(value: Callable[[Reading], Value]) -> Course:
    """The value as it was read."""
    return lambda readings: value(readings[-1])


def rate(counter: Callable[[Reading], Value]) -> Course:
    """Growth of a counter per second over the last `RECENT_S`; none across its restart."""

    def course(readings: Sequence[Reading]) -> Value:
        before = _before(readings, lambda reading: counter(reading) is not None)
        current = counter(readings[-1])
        if before is None or current is None:
            return None
        grown = current - (counter(before) or 0.0)
        return grown / (readings[-1].t_s - before.t_s) if grown >= 0 else None

    return course


def wait_percentile(waits: Callable[[Reading], WaitHistogram | None], share: float) -> Course:
    """Of the waits that ended in the last `RECENT_S`: none when none ended."""

    def course(readings: Sequence[Reading]) -> Value:
        before = _before(readings, lambda reading: waits(reading) is not None)
        current = waits(readings[-1])
        earlier = waits(before) if before is not None else None
        if current is None or earlier is None or current.le_ms != earlier.le_ms:
            return None
        counts = [now - then for now, then in zip(current.counts, earlier.counts, strict=True)]
        return percentile(current.le_ms, counts, share) if min(counts) >= 0 else None

    return course


def percentile(le_ms: Sequence[float], counts: Sequence[int], share: float) -> Value:
    """Within its bucket on a straight line; of the last bucket, which has no end, its beginning."""
    rank = share * sum(counts)
    below = 0.0
    for upper, count in zip((*le_ms, le_ms[-1]), counts, strict=True):
        if count and rank <= count:
            return below + (upper - below) * rank / count
        rank -= count
        below = upper
    return None


def run_rate(counter: Callable[[RunView], int]) -> Course:
    """Growth of a counter of the run per second of its window; none when it shrank, or the window is over."""

    def course(readings: Sequence[Reading]) -> Value:
        found = _recent_run(readings)
        if found is None:
            return None
        before, current = found
        grown, seconds = counter(current) - counter(before), current.age_s - before.age_s
        return grown / seconds if grown >= 0 and seconds > 0 else None

    return course


def run_p99_ms(clock: Callable[[RunView], HistogramCounts]) -> Course:
    """Of the latencies that the run recorded in the last `RECENT_S`: none when there were none."""

    def course(readings: Sequence[Reading]) -> Value:
        found = _recent_run(readings)
        return p99_of_growth_ms(clock(found[0]), clock(found[1])) if found is not None else None

    return course


def p99_of_growth_ms(before: HistogramCounts, now: HistogramCounts) -> Value:
    """Of what a histogram holds now and did not before, to its bucket, which is a thousandth wide.

    None when there is nothing, or less than before.
    """
    new = set(now.buckets).difference(before.buckets)  # most have not changed
    earlier = dict(before.buckets)
    grown = sorted((micros, count - earlier.get(micros, 0)) for micros, count in new)
    total = sum(count for _, count in grown)
    if not grown or total != now.count - before.count or min(count for _, count in grown) < 0:
        return None
    rank = ceil(0.99 * total)
    for micros, count in grown:
        rank -= count
        if rank <= 0:
            return micros / 1000
    return None


def _recent_run(readings: Sequence[Reading]) -> tuple[RunView, RunView] | None:
    """The run's window as it was up to `RECENT_S` ago, and as it is; None: nothing is known of that time.

    A window that is younger began with nothing.
    """
    current = readings[-1].run
    if current is None:
        return None
    if current.age_s <= RECENT_S:
        return RunView(place=current.place, age_s=0.0), current
    before = _before(readings, lambda reading: reading.run is not None and reading.run.place == current.place)
    return (before.run, current) if before is not None and before.run is not None else None


def _before(readings: Sequence[Reading], tells: Callable[[Reading], bool]) -> Reading | None:
    """The oldest reading of the last `RECENT_S` from which on all tell; if there is none, the one before.

    For who does not answer makes readings sparse, and then of all times there is something to see.
    """
    found = None
    for reading in reversed(readings[:-1]):
        age_s = readings[-1].t_s - reading.t_s
        if not tells(reading) or age_s > (RECENT_S if found is not None else SPARSE_S):
            break
        found = reading
    return found
