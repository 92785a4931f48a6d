"""What was configured: the cell of one trial, and the manifest of a run."""

from typing import Literal

from msgspec import Struct

from loadtests.results.limits import Count, Figure, Some
from loadtests.results.version import FORMAT

Loop = Literal["closed", "open"]
Client = Literal["raw", "fast"]
Arrivals = Literal["random", "aligned", "poisson"]  # the first two: even, at random phases or in step


class Cell(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The factors of one configuration. A new knob of the lab is a new field with a default."""

    strategy: str | None = None  # PUSH_STRATEGY; None: not known
    pool: Some | None = None  # DB_POOL_SIZE, connections
    connection_timeout_ms: Count | None = None  # DB_CONNECTION_TIMEOUT
    db_rtt_ms: Figure = 0.0  # asked round trip to the database; 0: direct
    num_workers: Some = 1
    loop: Loop = "closed"
    shape: str = "custom"  # reasonable, medium, high or custom: fixes batch and interval
    clients: Count = 1  # Locust users, each one producer
    rate_msg_s: Figure | None = None  # offered load, open loop only
    batch: Some = 10  # messages per push
    interval_ms: Figure | None = None  # between two pushes of one producer, open loop only
    payload_bytes: Count = 300
    partitions: Count = 1
    client: Client = "raw"
    synchronous_commit: str = "on"
    arrivals: Arrivals = "random"  # of the schedules, open loop

    @property
    def offered_msg_s(self) -> float | None:
        """Messages per second that were due; None: of a closed loop, or of a rate that changed."""
        if self.loop == "closed":
            return None
        if self.rate_msg_s is not None:
            return self.rate_msg_s
        return 1000 * self.clients * self.batch / self.interval_ms if self.interval_ms else None

    @property
    def ceiling_key(self) -> str:
        """Names its generator in the manifest: `raw/batch=10`, of an open loop `raw/batch=10/open`."""
        return f"{self.client}/batch={self.batch}{'/open' if self.loop == 'open' else ''}"


class ServerVersions(Struct, frozen=True, kw_only=True):
    """What answered: our server or another, and its database."""

    server: str | None = None
    postgres: str | None = None  # server_version, for instance "18.6"
    postgres_source: str | None = None  # "embedded", "installed", "PG_HOST"


class Machine(Struct, frozen=True, kw_only=True):
    """Where it ran."""

    system: str
    cpu_model: str
    cpu_count: Count
    memory_bytes: Count
    python: str
    filesystem: str | None = None  # of the database's data directory
    load_average_1m: Figure | None = None


class Manifest(Struct, frozen=True, kw_only=True):
    """One run: what was asked, where, with what."""

    run_id: str
    kind: Literal["sweep", "load", "ceiling"]
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
    blocks_asked: Count | None = None
    blocks_done: Count | None = None  # complete blocks; None while running
    generator_ceiling_msg_s: dict[str, Figure] = {}  # `Cell.ceiling_key` → msg/s at a null server
    finished_at: str | None = None  # None: still running or interrupted
    interrupted: bool = False
    answer: str = ""  # what a load was to find, in one line; empty: nothing
    notes: tuple[str, ...] = ()  # for instance "block 4 dropped: over budget"
    format: int = FORMAT
