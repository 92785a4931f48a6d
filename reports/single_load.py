"""What the report of one load that a person started tells beside the common figures, as values.

Such a run is one trial: nothing in it was repeated or compared. Times are seconds or milliseconds as the
names say; rates are messages per second.
"""

from msgspec import Struct

from loadtests.results import GroupAccount, Latency


class StageFigures(Struct, frozen=True, kw_only=True):
    """One stage of a load whose rate changed. `start_s` and `end_s` are on the clock of the samples."""

    number: int
    label: str
    rate_msg_s: float | None  # offered; None: as fast as the answers came
    throughput: float
    p50_ms: float | None  # from the intended start, as the p99; None: no answer, or a closed loop
    p99_ms: float | None
    failed: int  # pushes: refused, of unknown outcome, missed or held back
    verdict: str  # of whoever judged it; empty: nobody did
    counted: bool  # whether the figures of the run are of it, too
    start_s: float
    end_s: float


class SingleLoad(Struct, frozen=True, kw_only=True):
    """One load."""

    shape: str
    producers: int
    measured_s: float
    throughput: float
    answer: str  # what the load was to find; empty: nothing
    in_vain: str  # why no push was acknowledged; empty: one was
    refused: int  # pushes of the measured window
    unknown: int
    service: Latency | None  # from the send
    response: Latency | None  # from the intended start; None: a closed loop has none
    consumed_msg_s: float
    end_to_end: Latency | None  # until a consumer had the message
    stages: tuple[StageFigures, ...]  # empty: the load did not change
    groups: tuple[GroupAccount, ...]  # of consumers; empty: there were none
