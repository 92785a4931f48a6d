"""The one definition of the result files: what a run leaves behind, and all that reports may read.

A leaf: it imports nothing of ours. Layout of one run (every path is made by `RunFiles`):

    results/<run_id>/
      manifest.json              Manifest: what was asked, on which machine, with which versions
      experiment.toml            the matrix as it was run (sweeps only)
      trials/<trial_id>/
        trial.json               Trial: one configuration, one repeat, its figures and its verdict
        load.json                LoadResult: what the generator saw (written by the Locust process)
        ledger.json              Ledger: what became of every message, per producer
        latency.hlog             HDR interval log, tags `service` and `response`, microseconds
        samples.csv              one Sample a row, ten rows a second
        server.log, locust.log   output of the child processes
      report.html, charts/       written by reports

A file appears whole or not at all (temporary name, then rename), so an interrupted run keeps what
was finished and `trial.json` exists only for a finished trial. Durations are seconds, latencies
milliseconds, sizes bytes, rates messages per second; stamps are UTC. `None` means not available
(for instance the pool of a server that is not ours), never zero.
"""

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

FORMAT = 1

Loop = Literal["closed", "open"]
Client = Literal["raw", "fast"]


class ResultError(Exception):
    """A result file is missing, of another format version, or broken. One line, names the file."""


# ------------------------------------------------------------------ what was configured


class Cell(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The factors of one configuration. A new knob of the lab is a new field with a default."""

    strategy: str | None = None  # PUSH_STRATEGY; None: not known
    pool: int | None = None  # DB_POOL_SIZE, connections
    connection_timeout_ms: int | None = None  # DB_CONNECTION_TIMEOUT
    db_rtt_ms: float = 0.0  # asked round trip to the database; 0: direct
    num_workers: int = 1
    loop: Loop = "closed"
    shape: str = "custom"  # reasonable, medium, high or custom: fixes batch and interval
    clients: int = 1  # Locust users, each one producer
    rate_msg_s: float | None = None  # offered load, open loop only
    batch: int = 10  # messages per push
    interval_ms: float | None = None  # between two pushes of one producer, open loop only
    payload_bytes: int = 300
    partitions: int = 1
    client: Client = "raw"
    synchronous_commit: str = "on"


class ServerVersions(Struct, frozen=True, kw_only=True):
    """What answered: our server or another, and its database."""

    server: str | None = None
    postgres: str | None = None  # server_version, for instance "18.6"
    postgres_source: str | None = None  # "embedded", "installed", "PG_HOST"


class Machine(Struct, frozen=True, kw_only=True):
    """Where it ran."""

    system: str
    cpu_model: str
    cpu_count: int
    memory_bytes: int
    python: str
    filesystem: str | None = None  # of the database's data directory
    load_average_1m: float | None = None


class Manifest(Struct, frozen=True, kw_only=True):
    """One run: what was asked, where, with what."""

    run_id: str
    kind: Literal["sweep", "load"]
    title: str
    started_at: str  # UTC, ISO 8601
    command: tuple[str, ...]
    machine: Machine
    versions: ServerVersions
    packages: dict[str, str] = {}  # distribution → version
    settings: dict[str, str] = {}  # environment variable → value, secrets masked
    postgres_settings: dict[str, str] = {}  # name → value read back from pg_settings
    git_commit: str | None = None
    seed: int | None = None
    blocks_asked: int | None = None
    blocks_done: int | None = None  # complete blocks; None while running
    generator_ceiling_msg_s: dict[str, float] = {}  # "raw/batch=10" → msg/s against the null server
    finished_at: str | None = None  # None: still running or interrupted
    interrupted: bool = False
    notes: tuple[str, ...] = ()  # for instance "block 4 dropped: over budget"
    format: int = FORMAT


# ------------------------------------------------------------------ what the generator saw


class Latency(Struct, frozen=True, kw_only=True):
    """Percentiles in ms of one clock over the measured window; from a histogram, never averaged.

    Of acknowledged pushes alone (answered 2xx, no message refused): a refusal at once is no fast answer.
    What was refused is in `LoadResult.requests_not_done`, what had no answer or leaves doubt in
    `requests_unknown`, what was never sent in `requests_missed`. A schedule lag is of all that were sent.
    """

    count: int  # of service and response: LoadResult.requests_ok
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


class ErrorCount(Struct, frozen=True, kw_only=True):
    """Requests of the window that failed in one way."""

    status: int  # HTTP status; 0: no answer
    code: str  # the answer's `code`, or "no_answer"
    text: str  # the answer's `error`, word for word
    requests: int


class LoadResult(Struct, frozen=True, kw_only=True):
    """One Locust run. Request and message counts are those of the measured window, unless named total.

    `requests_sent` = ok + not_done + unknown. The latencies are those of the `requests_ok` alone.
    """

    started_at: str  # UTC, start of the measured window
    started_monotonic_s: float  # the same instant on CLOCK_MONOTONIC, to align with samples
    warmup_s: float
    measured_s: float  # the window as it really was
    users: int
    requests_sent: int
    requests_ok: int  # acknowledged: every message stored, duplicates included
    requests_not_done: int  # refused, safe to retry: 4xx, 429, 503 other than outcome_unknown
    requests_unknown: int  # outcome unknown: no answer, or `outcome_unknown`
    requests_missed: int = 0  # open loop: due, but over the in-flight cap
    retry_pauses: int = 0  # closed loop: answers whose Retry-After was obeyed
    messages_acknowledged: int  # answered `queued` within the window
    messages_duplicate: int = 0  # answered `duplicate`
    messages_popped: int = 0  # consumers
    total_messages_acknowledged: int  # of the whole run, warm-up and drain included
    total_messages_unknown: int = 0
    service: Latency | None  # from the socket write
    response: Latency | None  # from the intended start; equals service in a closed loop
    schedule_lag: Latency | None = None  # real minus intended start, open loop
    errors: tuple[ErrorCount, ...] = ()
    generator_cpu_s: float | None = None  # of the window
    format: int = FORMAT

    @property
    def throughput_msg_s(self) -> float:
        """Acknowledged messages per second of the measured window."""
        return self.messages_acknowledged / self.measured_s


class ProducerLedger(Struct, frozen=True, kw_only=True):
    """What became of one producer's messages: closed intervals [first, last] of sequence numbers."""

    producer: int
    partition: str
    acknowledged: tuple[tuple[int, int], ...]
    unknown: tuple[tuple[int, int], ...] = ()
    refused: tuple[tuple[int, int], ...] = ()  # certainly not stored


class Ledger(Struct, frozen=True, kw_only=True):
    """Every message that the generator issued. A message's transactionId is `transaction_id`."""

    run_tag: str  # prefix of every transactionId of this run
    queue: str
    producers: tuple[ProducerLedger, ...]
    format: int = FORMAT


def transaction_id(run_tag: str, producer: int, sequence: int) -> str:
    """`<run_tag>-<producer>-<sequence>`: what the audit reads back from the table."""
    return f"{run_tag}-{producer}-{sequence}"


# ------------------------------------------------------------------ what the sweep found


class Accounting(Struct, frozen=True, kw_only=True):
    """The law: acknowledged ⊆ stored, and stored − acknowledged ⊆ unknown. In messages."""

    acknowledged: int
    stored: int
    unknown: int
    unknown_stored: int  # of the unknown, how many are in the table
    lost: int  # acknowledged, not stored: must be 0
    duplicated: int  # stored more than once: must be 0
    unexplained: int  # stored, neither acknowledged nor unknown: must be 0
    out_of_order: int  # stored before a lower sequence of the same producer and partition

    @property
    def holds(self) -> bool:
        """Whether every message is accounted for."""
        return self.lost == 0 and self.duplicated == 0 and self.unexplained == 0 and self.out_of_order == 0


class PoolUse(Struct, frozen=True, kw_only=True):
    """The server's pool over the measured window: differences of its cumulative counters."""

    acquires: int
    timeouts: int
    connects: int
    lost: int
    hold_mean_ms: float  # from having a connection to giving it back
    wait_mean_ms: float  # from asking to having
    busy_mean: float  # connections in use, time average
    waiting_mean: float  # requests waiting, time average


class MachineUse(Struct, frozen=True, kw_only=True):
    """CPU seconds of the measured window by who used them; `other` is everything that is not ours."""

    server_cpu_s: float | None = None
    postgres_cpu_s: float | None = None
    generator_cpu_s: float | None = None
    relay_cpu_s: float | None = None
    other_cpu_s: float | None = None
    cpu_count: int
    server_rss_bytes: int | None = None
    postgres_rss_bytes: int | None = None
    wal_bytes: int | None = None
    db_rtt_measured_ms: float | None = None  # median of a trivial statement, before the load


class Invalidity(Struct, frozen=True, kw_only=True):
    """Why a trial does not count (`fatal`), or counts with a remark."""

    reason: Literal[
        "pool_not_filled",
        "missed",
        "undersent",
        "generator_limited",
        "busy_machine",
        "accounting",
        "crashed",
    ]
    detail: str
    fatal: bool


class Trial(Struct, frozen=True, kw_only=True):
    """One configuration × one repeat."""

    trial_id: str
    part: str  # name of the experiment's part, for instance "capacity"
    block: int  # 0-based; a block holds each cell of the part once
    order: int  # place in the run
    attempt: int = 0  # > 0: a repeat of an invalid trial
    cell: Cell
    started_at: str
    load: LoadResult
    accounting: Accounting | None = None
    pool: PoolUse | None = None
    machine: MachineUse | None = None
    remarks: tuple[Invalidity, ...] = ()
    format: int = FORMAT

    @property
    def valid(self) -> bool:
        """Whether the trial may enter statistics."""
        return not any(remark.fatal for remark in self.remarks)


class Sample(Struct, frozen=True, kw_only=True):
    """One row of samples.csv. `t_s` is on the trial's clock: 0 is the start of the measured window."""

    t_s: float
    pool_total: int | None = None
    pool_idle: int | None = None
    pool_waiting: int | None = None
    pool_timeouts: int | None = None  # cumulative
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


# ------------------------------------------------------------------ the files


@dataclass(frozen=True)
class RunFiles:
    """Paths of one run. Nothing else builds a path below results/."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def experiment(self) -> Path:
        return self.root / "experiment.toml"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def charts(self) -> Path:
        return self.root / "charts"

    @property
    def trials(self) -> Path:
        return self.root / "trials"

    def trial(self, trial_id: str) -> "TrialFiles":
        return TrialFiles(self.trials / trial_id)


@dataclass(frozen=True)
class TrialFiles:
    """Paths of one trial."""

    root: Path

    @property
    def trial(self) -> Path:
        return self.root / "trial.json"

    @property
    def load(self) -> Path:
        return self.root / "load.json"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.json"

    @property
    def latency(self) -> Path:
        return self.root / "latency.hlog"

    @property
    def samples(self) -> Path:
        return self.root / "samples.csv"

    @property
    def server_log(self) -> Path:
        return self.root / "server.log"

    @property
    def locust_log(self) -> Path:
        return self.root / "locust.log"


Record = TypeVar("Record", Manifest, LoadResult, Ledger, Trial)


def write(path: Path, record: Struct) -> None:
    """Write one record as JSON, whole or not at all. Raises OSError (for instance no space)."""
    _replace(path, msgspec.json.format(msgspec.json.encode(record), indent=1))


def read(path: Path, kind: type[Record]) -> Record:
    """Read one record. Raises `ResultError` when the file is missing, broken or of another format."""
    try:
        record = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: not a {kind.__name__} of format {FORMAT}: {error}") from None
    if record.format != FORMAT:
        raise ResultError(f"{path}: format {record.format}, this version reads {FORMAT}")
    return record


def read_trials(run: RunFiles) -> Iterator[Trial]:
    """The finished trials of a run, in the order in which they ran."""
    trials = (read(path, Trial) for path in run.trials.glob("*/trial.json"))
    yield from sorted(trials, key=lambda trial: trial.order)


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write samples.csv: a header row, empty cells for what was not available."""
    columns = Sample.__struct_fields__
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for sample in samples:
            values = (getattr(sample, column) for column in columns)
            writer.writerow("" if value is None else value for value in values)
    os.replace(temporary, path)


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)
