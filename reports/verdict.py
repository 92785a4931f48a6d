"""What a report has to say, as values: no sentence is made here, and nothing estimated.

`reports.judge` fills these structs, `reports.wording`, `recommendation` and `titles` put them into words,
`reports.charts` draws them, and `queen report --json` prints them. Throughput is messages per second (or
requests per second, see `Verdict.unit`), times are milliseconds, pools and needs are connections.
"""

import enum

from msgspec import Struct

from loadtests.results import Cell
from reports.advice import Notice
from reports.single_load import SingleLoad
from reports.stats.block_model import Interval, Ratio
from reports.stats.knee import Knee


class Limit(enum.Enum):
    """What keeps a configuration from being faster."""

    POOL = "pool"
    PARTITION_LOCK = "partition lock"
    DATABASE = "database"
    SERVER_CPU = "server CPU"
    MACHINE_CPU = "machine CPU"
    GENERATOR = "load generator"
    NEARLY_CPU = "not known (nearly all CPU used)"
    NO_FASTER = "not known (pool full)"
    UNCLEAR = "not known"


class Loans(Struct, frozen=True, kw_only=True):
    """What the pool lent in the measured windows of one configuration, by its own cumulative counts.

    A loan is one hold of one connection, from acquire to release. What it serves are the acknowledged
    requests and messages of the same windows over the loans: 1 request where each push borrows for itself.
    """

    per_s: float
    hold_ms: float  # mean of one loan
    needed: float  # connections, by Little's law: per_s × hold_ms / 1000
    busy: float  # connections in use, time average
    requests: float  # that one loan serves
    messages: float  # that one loan serves

    @property
    def disagreement(self) -> float | None:
        """Needed over busy, minus 1 (0.06: the law says 6 % more); None where nothing was busy."""
        return self.needed / self.busy - 1 if self.busy else None


class CellFigures(Struct, frozen=True, kw_only=True):
    """One configuration: what its valid trials say together."""

    cell: Cell
    trials: int
    throughput: float  # geometric mean, adjusted for the blocks that it missed
    interval: Interval | None  # for comparing cells of one part; None: too few trials
    pushes_per_s: float
    loans: Loans | None  # None: the pool is not known
    waiting: float | None  # who waits for a connection, time average: a request, or a call that many share
    boarding: float | None  # requests waiting to share a call, time average; None: the server told nothing
    timeouts: int  # requests of all valid trials
    limit: Limit

    @property
    def requests_waiting(self) -> float | None:
        """Requests that wait for their turn with a connection, their own or a shared one; None: not known."""
        return self.boarding if self.cell.strategy == "coalesce" else self.waiting


class PoolStep(Struct, frozen=True):
    """What a larger pool brings on one curve."""

    from_pool: int
    to_pool: int
    ratio: Ratio


class Curve(Struct, frozen=True, kw_only=True):
    """Throughput against pool size with everything else equal."""

    part: str
    factors: Cell  # with `pool` None
    cells: tuple[CellFigures, ...]  # by rising pool
    steps: tuple[PoolStep, ...]  # neighbours
    knee: Knee | None
    loans: Loans | None  # at the knee
    db_rtt_measured_ms: float | None
    direct_rtt_ms: float | None  # without the added one; 0: this machine, None: not known

    @property
    def recommended(self) -> int | None:
        """DB_POOL_SIZE to use; None while the trials do not settle it."""
        return self.knee.pool if self.knee is not None and self.knee.settled else None

    def at(self, pool: int) -> CellFigures | None:
        """The figures at one pool size; None when it was not measured."""
        return next((figures for figures in self.cells if figures.cell.pool == pool), None)


class FactorGain(Struct, frozen=True, kw_only=True):
    """What one other factor brings: `of` over `over` with everything else equal."""

    factor: str  # field of Cell
    of: Cell
    over: Cell
    ratio: Ratio
    direct_rtt_ms: float | None  # as in `Curve`


class SilentCell(Struct, frozen=True):
    """A configuration of which some valid trials acknowledged nothing; it enters no other figure."""

    part: str
    cell: Cell
    silent_trials: int
    trials: int
    direct_rtt_ms: float | None  # as in `Curve`


class TooEarly(Struct, frozen=True, kw_only=True):
    """A window of a closed loop in which the callers had not waited for the whole time-out yet, but would."""

    warmup_s: float
    measured_s: float
    timeout_s: float

    @property
    def all_before(self) -> bool:
        """Whether the window was over before the time-out could strike; else it only began before."""
        return self.warmup_s + self.measured_s <= self.timeout_s


class TimeoutCount(Struct, frozen=True, kw_only=True):
    """Requests that got no connection in time. Counts of what was seen; no interval is claimed."""

    part: str
    cell: Cell
    trials: int
    requests: int  # refused by the pool
    sent: int
    held: int  # that were due and never sent, as the server had asked for a pause
    due: int
    measured_s: float  # of all trials together
    text: str  # the error, word for word; "" when there was none
    too_early: TooEarly | None = None  # not None: the count is of no steady state, `per_s` no rate

    @property
    def per_s(self) -> float:
        """Refused requests per second of the windows."""
        return self.requests / self.measured_s


class OfferedLoad(Struct, frozen=True, kw_only=True):
    """One open-loop cell: its throughput is what was offered, unless something was refused or missed."""

    part: str
    cell: Cell
    trials: int
    throughput: float  # mean
    missed: int  # requests that were due while too many were in flight
    held: int  # requests that were due while the server wanted a pause
    timeouts: int  # requests of all trials
    loans: Loans | None
    direct_rtt_ms: float | None  # as in `Curve`


class DeliveryTotals(Struct, frozen=True, kw_only=True):
    """What came to one group of consumers, summed over the trials. In messages; None: not known of one."""

    group: str
    delivered: int
    undelivered: int | None
    nacked: int
    lapsed: int
    again: int | None  # deliveries once more, after a nack or when a lease was over
    unexplained: int | None  # once more without such a reason, or never pushed
    out_of_order: int
    unjudged: str = ""  # why repeats are not judged, of the first trial of which that is so; else empty


class AccountingTotals(Struct, frozen=True, kw_only=True):
    """What became of all messages, summed over the trials that were looked into."""

    trials: int
    acknowledged: int
    stored: int
    unknown: int
    unknown_stored: int
    lost: int | None  # None: not known of one trial at least, and none is known to be lost
    duplicated: int
    unexplained: int
    out_of_order: int
    deliveries: tuple[DeliveryTotals, ...]  # of each group of consumers, by name
    ways: tuple[str, ...]  # how it was read, of how many trials
    holds: bool | None  # False: something is wrong; None: not known
    because: tuple[str, ...]  # what is wrong, or what is not known; empty: neither


class Circumstances(Struct, frozen=True, kw_only=True):
    """The load under which the pool sizes of the curves were measured."""

    shortest_s: float  # of the measured windows
    longest_s: float
    payload_bytes: tuple[int, ...]
    batches: tuple[int, ...]  # messages a push
    clients: tuple[int, ...]
    consumed: bool  # whether anybody popped meanwhile
    fresh_tables: bool  # whether each trial began with empty ones, as those of a sweep do
    checkpointed: bool  # and with a CHECKPOINT


class InvalidTrial(Struct, frozen=True):
    """A trial that was not used, and why."""

    trial_id: str
    reasons: tuple[str, ...]


class RemarkCount(Struct, frozen=True):
    """Valid trials that carry one kind of remark."""

    reason: str  # as the trial has it, for instance "busy_machine"
    trials: int
    detail: str  # of the worst of them, or of the first
    worst: bool = False  # whether it is the worst


class Precision(Struct, frozen=True, kw_only=True):
    """How fine the comparison of one part is."""

    part: str
    blocks: int
    degrees_of_freedom: int
    residual_sd: float | None  # of ln throughput
    minimum_detectable: float | None  # ratio, for two cells that ran in every block


class Validity(Struct, frozen=True, kw_only=True):
    """What the figures rest on."""

    trials: int
    invalid: tuple[InvalidTrial, ...]
    remarks: tuple[RemarkCount, ...]
    precision: tuple[Precision, ...]
    generator_share: float | None  # highest throughput over the generator's own ceiling
    other_cpu_share: float | None  # CPU that others used, of the machine, on average


class Verdict(Struct, frozen=True, kw_only=True):
    """All findings of one report."""

    runs: tuple[str, ...]
    unit: str
    curves: tuple[Curve, ...]
    gains: tuple[FactorGain, ...]
    silent: tuple[SilentCell, ...]
    timeouts: tuple[TimeoutCount, ...]
    offered: tuple[OfferedLoad, ...]
    accounting: AccountingTotals | None
    validity: Validity
    notices: tuple[Notice, ...]
    circumstances: Circumstances | None = None  # of the curves; None: not known
    load: SingleLoad | None = None  # where the report is of one load that a person started
