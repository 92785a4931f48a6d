"""What a trial found: the generator's figures beside those of the pool, the machine and the audit."""

from collections.abc import Collection, Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from loadtests.results.configured import Cell
from loadtests.results.faulty import FaultyMessages, which
from loadtests.results.generator import Latency, LoadResult, StageResult
from loadtests.results.limits import Count, Difference, Figure, Some, WholeDifference
from loadtests.results.version import FORMAT

QUEUE_MODE = "__QUEUE_MODE__"  # the group of consumers that name none


class Accounting(Struct, frozen=True, kw_only=True):
    """The law: acknowledged ⊆ stored, and stored − acknowledged ⊆ unknown. In messages.

    Files of earlier versions have 0 for what was lost where it is not known: `checked_to_end` tells.
    """

    acknowledged: Count
    stored: Count
    unknown: Count
    unknown_stored: Count  # of the unknown, how many are in the table
    lost: Count | None  # acknowledged, not stored: must be 0; None: it was not read to its end
    duplicated: Count  # stored more than once: must be 0
    unexplained: Count  # stored, neither acknowledged nor unknown: must be 0
    out_of_order: Count  # stored before a lower sequence of the same producer and partition
    source: Literal["table", "drain"] = "table"  # read from the database, or popped over HTTP at the end
    checked_to_end: bool = True  # False: the drain ended early; what it did not meet is not called lost
    unheard_producers: Count = 0  # their process was lost, and with it part of what they knew
    unheard_stored: Count = 0  # stored, of such a producer, and not in what it had reported
    unheard_processes: Count = 0  # that were lost, whether or not they had producers
    faulty: tuple[FaultyMessages, ...] = ()  # which they are that are wrong: the first of each fault

    @property
    def complete(self) -> bool:
        """Whether everything could be judged; else what is found is certain, and more may be wrong."""
        return self.checked_to_end and not (self.unheard_producers or self.unheard_processes)

    @property
    def way(self) -> str:
        """How what is stored was read, as it goes behind a number of messages or of trials."""
        if self.source == "table":
            return "in the table"
        return f"read back over HTTP{' to the end' if self.checked_to_end else ', but not to the end'}"

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong for certain, each with its count and, where they are known, its first messages."""
        return _counted(
            "",
            self.faulty,
            lost=self.lost,
            duplicated=self.duplicated,
            unexplained=self.unexplained,
            out_of_order=self.out_of_order,
        )

    @property
    def holds(self) -> bool:
        """Whether nothing is known to be wrong: with `complete` every message is accounted for."""
        return not self.faults


class GroupAccount(Struct, frozen=True, kw_only=True):
    """What one consumer group received, by the consumers' own account. In messages.

    A message may come again when it was given back (`nacked`) or when its lease was or may have been
    over (`lapsed`); any other extra delivery is unexplained, and so is a message that nobody has pushed.
    What did come again for such a reason is counted by that reason, first as a nack. A lane is a producer's
    messages in a partition.
    """

    group: str  # or `QUEUE_MODE`
    delivered: Count  # different messages
    undelivered: Count | None  # acknowledged to producers, never delivered; None: not known
    nacked: Count
    lapsed: Count
    unexplained: Count | None  # deliveries too many: must be 0; None: not known, see `unjudged`
    out_of_order: Count  # acknowledged, and first delivered after a later one of the same lane: must be 0
    order_judged: Literal["all", "per worker", "no"]  # among which deliveries
    unjudged: str = ""  # why repeats are not judged; the other figures then say "at least"
    again_nacked: Count | None = None  # deliveries of a message that had been given back; None: not known
    again_lapsed: Count | None = None  # of one whose lease was or may have been over; None: not known
    reading: Literal["ended", "cut off", "not asked"] = "ended"  # on, when the consumers had stopped
    faulty: tuple[FaultyMessages, ...] = ()  # which they are that are wrong: the first of each fault

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong for certain, each with its count and, where they are known, its first messages."""
        return self._faults("")

    @property
    def named_faults(self) -> tuple[str, ...]:
        """The same with the group's name, for instance "3 undelivered at load-0 (producer 0 in p0: 5-7)"."""
        return self._faults(f" at {self.name}")

    def _faults(self, where: str) -> tuple[str, ...]:
        return _counted(
            where,
            self.faulty,
            undelivered=self.undelivered,
            unexplained=self.unexplained,
            out_of_order=self.out_of_order,
        )

    @property
    def holds(self) -> bool:
        """Whether every delivery is explained and in order, as far as it is known."""
        return not self.faults

    @property
    def again(self) -> int | None:
        """Deliveries of messages that had come before, and the reason is known; None: not known."""
        if self.again_nacked is None or self.again_lapsed is None:
            return None
        return self.again_nacked + self.again_lapsed

    @property
    def name(self) -> str:
        """For people."""
        return "the queue's consumers" if self.group == QUEUE_MODE else self.group


def _counted(where: str, faulty: tuple[FaultyMessages, ...], **counts: int | None) -> tuple[str, ...]:
    """Those that are more than 0, as words: count and place, and which they are where that is known."""
    return tuple(
        f"{count:,} {name.replace('_', ' ')}{where}{which(name, faulty)}"
        for name, count in counts.items()
        if count
    )


class PoolUse(Struct, frozen=True, kw_only=True):
    """The server's pool over the measured window: what its cumulative counters grew by.

    Where they fell, as a process of the server ended, there is none: what that process had counted is lost.
    """

    acquires: Count
    timeouts: Count  # waits of clients of the pool, as is a call that many share: see `timed_out`
    connects: Count
    lost: Count
    hold_mean_ms: Figure  # from having a connection to giving it back
    wait_mean_ms: Figure  # from asking to having
    busy_mean: Figure  # connections in use, time average
    waiting_mean: Figure  # who asked and has none yet, time average: a request, or a call that many share
    boarding_mean: Figure | None = None  # requests waiting to share a call; None: the server told nothing
    boarding_wait_mean_ms: Figure | None = None  # of those who boarded, from asking to having one
    boarding_timeouts: Count | None = None  # requests no shared call took in time; None: not told

    @property
    def timed_out(self) -> int:
        """All waits that ended without a connection: what clients read of them is the same sentence."""
        return self.timeouts + (self.boarding_timeouts or 0)


class MachineUse(Struct, frozen=True, kw_only=True):
    """CPU seconds of the measured window by who used them; `other` is everything that is not ours."""

    server_cpu_s: Difference | None = None
    postgres_cpu_s: Difference | None = None
    generator_cpu_s: Difference | None = None
    relay_cpu_s: Difference | None = None
    sampler_cpu_s: Difference | None = None  # of the process that looks on; None: earlier files lack it
    other_cpu_s: Difference | None = None
    cpu_count: Some
    server_rss_bytes: WholeDifference | None = None
    postgres_rss_bytes: WholeDifference | None = None
    wal_bytes: WholeDifference | None = None
    db_rtt_measured_ms: Figure | None = None  # median of a trivial statement, before the load

    def other_share(self, measured_s: float) -> float | None:
        """What other programs used of all CPUs in a window of this length; None: not known."""
        return None if self.other_cpu_s is None else self.other_cpu_s / (self.cpu_count * measured_s)


class Invalidity(Struct, frozen=True, kw_only=True):
    """Why a trial does not count (`fatal`), or counts with a remark."""

    reason: Literal[
        "pool_not_filled",
        "missed",
        "undersent",
        "held_back",
        "schedule_lag",
        "generator_limited",
        "near_ceiling",
        "busy_machine",
        "accounting",
        "not_accounted",
        "crashed",
        "worker_lost",
        "users_changed",
        "not_steady",
        "windows_differ",
        "interrupted",
    ]
    detail: str
    fatal: bool

    @property
    def title(self) -> str:
        """The reason, for people."""
        return self.reason.replace("_", " ")

    def __str__(self) -> str:
        """In a line."""
        return f"{self.title}: {self.detail}"


class Trial(Struct, frozen=True, kw_only=True):
    """One configuration × one repeat."""

    trial_id: str
    part: str  # name of the experiment's part, for instance "capacity"
    block: Count  # 0-based; a block holds each cell of the part once
    order: Count  # place in the run
    attempt: Count = 0  # > 0: a repeat of an invalid trial
    cell: Cell
    started_at: str
    load: LoadResult
    accounting: Accounting | None = None
    pool: PoolUse | None = None
    machine: MachineUse | None = None
    remarks: tuple[Invalidity, ...] = ()
    deliveries: tuple[GroupAccount, ...] = ()  # one for each consumer group; empty: not recorded
    stages: tuple[StageResult, ...] = ()  # of a load that changes; empty: it was one stage
    format: int = FORMAT

    def from_intended_start(self, load: LoadResult) -> Latency | None:
        """The response times of `load`, the trial's or a stage's; a closed loop has no such instant."""
        return load.response if self.cell.loop == "open" else None

    @property
    def counted_stages(self) -> tuple[StageResult, ...]:
        """The stages that the figures of the trial are of; empty: it was one stage."""
        windows = {share.window for share in self.load.workers}
        return tuple(stage for stage in self.stages if stage.number in windows)

    @property
    def valid(self) -> bool:
        """Whether the trial may enter statistics."""
        return not any(remark.fatal for remark in self.remarks)

    def remarked(self, reason: str) -> tuple[str, ...]:
        """What is remarked for this reason; empty: nothing."""
        return tuple(remark.detail for remark in self.remarks if remark.reason == reason)

    def with_remarks(self, remarks: Iterable[Invalidity], *, instead_of: Collection[str]) -> "Trial":
        """The same with these remarks behind the others, of which those with such a reason are gone."""
        others = (remark for remark in self.remarks if remark.reason not in instead_of)
        return replace(self, remarks=(*others, *remarks))


class Sample(Struct, frozen=True, kw_only=True):
    """One row of samples.csv. `t_s` is on the trial's clock: 0 is the start of the measured window."""

    t_s: float
    pool_total: int | None = None
    pool_idle: int | None = None
    pool_waiting: int | None = None
    pool_timeouts: int | None = None  # cumulative; those of the boarding are not among them
    pool_acquires: int | None = None  # cumulative
    db_active: int | None = None  # client backends by state
    db_idle: int | None = None
    db_idle_in_transaction: int | None = None
    db_wait_lock: int | None = None  # active client backends by wait event type
    db_wait_lwlock: int | None = None
    db_wait_io: int | None = None
    db_wait_client: int | None = None
    db_wait_other: int | None = None
    db_running: int | None = None  # active, not waiting
    server_cpu_s: float | None = None  # cumulative
    postgres_cpu_s: float | None = None
    generator_cpu_s: float | None = None
    server_rss_bytes: int | None = None
    server_loop_lag_ms: float | None = None
    rows_inserted: int | None = None  # cumulative
    wal_bytes: int | None = None  # cumulative
    boarding_waiting: int | None = None  # requests that wait to share a call, not among `pool_waiting`
    boarding_timeouts: int | None = None  # cumulative


LATER_COLUMNS = ("boarding_waiting", "boarding_timeouts")  # of samples.csv: earlier files lack them
