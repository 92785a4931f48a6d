"""The counts of a span of time: of a step that is going on, of all before it, or of a late answer's step."""

from collections.abc import Callable
from typing import Generic, TypeVar

from loadtests.load.measuring.histogram import LatencyHistogram, SparseHistogram
from loadtests.load.measuring.outcome import Fate, PushOutcome
from loadtests.load.measuring.part import Step

Histogram = TypeVar("Histogram", LatencyHistogram, SparseHistogram)


class Tally(Generic[Histogram]):
    """Requests that were due in [start_s, end_s), and messages that were acknowledged in it.

    In a closed loop a push is due when it is sent: there, `service` holds both clocks.
    """

    __slots__ = (
        "acknowledged",
        "end_s",
        "held",
        "lag",
        "missed",
        "not_done",
        "ok",
        "response",
        "service",
        "start_s",
        "unknown",
    )

    def __init__(self, start_s: float, end_s: float, histogram: Callable[[], Histogram]) -> None:
        self.start_s = start_s
        self.end_s = end_s
        self.ok = 0  # requests
        self.not_done = 0
        self.unknown = 0
        self.missed = 0
        self.held = 0
        self.acknowledged = 0  # messages
        self.service: Histogram = histogram()
        self.response: Histogram = histogram()
        self.lag: Histogram = histogram()

    def fail(self, outcome: PushOutcome) -> None:
        """Count a push that was not acknowledged."""
        if outcome.worst is Fate.UNKNOWN:
            self.unknown += 1
        else:
            self.not_done += 1

    def step(self, window: int, index: int, *, open_loop: bool) -> Step:
        """The counts as a step."""
        service, sent = self.service.counts(), self.ok + self.not_done + self.unknown
        return Step(
            window,
            index,
            due=sent + self.missed + self.held,
            sent=sent,
            missed=self.missed,
            held=self.held,
            acknowledged=self.acknowledged,
            lag=self.lag.counts(),
            service=service,
            response=self.response.counts() if open_loop else service,
        )


FullTally = Tally[LatencyHistogram]
SmallTally = Tally[SparseHistogram]


def take_in(total: FullTally, tally: FullTally) -> None:
    """Add the counts of another span to a total."""
    total.ok += tally.ok
    total.not_done += tally.not_done
    total.unknown += tally.unknown
    total.missed += tally.missed
    total.held += tally.held
    total.acknowledged += tally.acknowledged
    total.service.take_in(tally.service)
    total.response.take_in(tally.response)
    total.lag.take_in(tally.lag)
