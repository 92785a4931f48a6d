"""Every environment variable of the server, read once into frozen structs.

Nothing else reads `os.environ`. A bad value is one `SettingsError` line that names the variable. The
names are the tuning guide's and upstream's; units are in the field's comment (the guide's variables
carry no unit in their name). Secrets are never shown: use `Settings.public()` for logs and manifests.
"""

import enum
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from queen.errors import SettingsError

Positive = Annotated[int, Meta(ge=1)]
NonNegative = Annotated[int, Meta(ge=0)]
Port = Annotated[int, Meta(ge=0, le=65535)]

SECRETS = frozenset({"PG_PASSWORD", "QUEEN_TOKEN"})


class PushStrategy(enum.Enum):
    """How a push request reaches the table: the thing that is compared (docs/architecture.md)."""

    SEQUENTIAL = "sequential"
    BATCH = "batch"
    COALESCE = "coalesce"


class WorkerBalance(enum.Enum):
    """Which worker of an instance serves a connection (queen/server/balance.py)."""

    AUTO = "auto"
    FIRST = "first"
    EVEN = "even"


class LogLevel(enum.Enum):
    """Least severe line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class Settings(msgspec.Struct, frozen=True, rename="upper"):
    """The server's configuration; each field is the lower-case name of its environment variable."""

    # where it listens
    host: str = "127.0.0.1"
    port: Port = 6632  # 0: any free port, printed at start
    num_workers: Positive = 1  # processes that share the port
    worker_balance: WorkerBalance = WorkerBalance.AUTO  # auto: first under coalesce, else even
    queen_token: str = ""  # empty: no authentication

    # the database
    pg_host: str = ""  # empty: `queen serve` brings its own PostgreSQL
    pg_port: Port = 5432
    pg_user: str = "postgres"
    pg_password: str = ""
    pg_db: str = "postgres"

    # the pool
    db_pool_size: Positive = 20  # connections at most, over all workers
    db_connection_timeout: Positive = 2_000  # ms from asking for a connection to having it
    db_idle_timeout: NonNegative = 30_000  # ms until an idle connection is closed; 0: never
    db_statement_timeout: Positive = 30_000  # ms for one request's work in the database
    db_pool_reset: bool = False  # asyncpg's reset query on each release (one more round trip)

    # the queue
    push_strategy: PushStrategy = PushStrategy.COALESCE
    push_max_flushes: Positive = 2  # coalesce: flushes in flight, of one worker; the second only when full
    push_max_flush_messages: Positive = 2_000  # coalesce: messages of one flush, but at least one request
    default_timeout: NonNegative = 30_000  # ms a long poll waits when it names no timeout
    default_batch_size: Positive = 1  # messages a pop returns when it names no batch
    default_subscription_mode: str = ""  # "", "all", "new"

    # background work (docs/contract.md has what retention and eviction delete)
    retention_interval: Positive = 300_000  # ms between two sweeps for retention
    retention_batch_size: Positive = 1_000  # messages deleted by one statement
    eviction_interval: Positive = 60_000  # ms between two sweeps for maxWaitTimeSeconds
    eviction_batch_size: Positive = 1_000  # messages deleted by one statement

    # limits of the HTTP connections
    max_clients: Positive = 4_096  # open connections of one worker; one more is answered 503
    max_request_line_bytes: Positive = 8 * 1024
    max_header_bytes: Positive = 16 * 1024
    max_headers: Positive = 100
    max_body_bytes: Positive = 64 * 1024 * 1024
    header_timeout: Positive = 10_000  # ms for a whole request head
    body_timeout: Positive = 30_000  # ms without progress of a body
    keep_alive_timeout: Positive = 75_000  # ms an idle connection is kept
    shutdown_grace: NonNegative = 10_000  # ms that requests in flight get when the server stops

    # what it tells
    log_level: LogLevel = LogLevel.INFO
    enable_metrics: bool = True  # False: /metrics* answer 404

    def __post_init__(self) -> None:
        if self.db_pool_size < self.num_workers:
            raise ValueError(
                f"DB_POOL_SIZE={self.db_pool_size} is below NUM_WORKERS={self.num_workers}: "
                "each worker needs a connection of its own"
            )
        if self.default_subscription_mode not in ("", "all", "new"):
            raise ValueError(
                f"DEFAULT_SUBSCRIPTION_MODE={self.default_subscription_mode!r}: expected all, new or nothing"
            )

    @property
    def first_worker_first(self) -> bool:
        """Whether the first worker that has room serves a connection."""
        if self.worker_balance is WorkerBalance.AUTO:
            return self.push_strategy is PushStrategy.COALESCE
        return self.worker_balance is WorkerBalance.FIRST

    def public(self) -> dict[str, str]:
        """Variable name → value as text, secrets masked; for logs, manifests and `--help`."""
        return {name: "***" if name in SECRETS and value else value for name, value in self.environ().items()}

    def environ(self) -> dict[str, str]:
        """The same settings as environment variables, for a child process."""
        return {name: _as_text(value) for name, value in msgspec.to_builtins(self).items()}


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from an environment; an empty value counts as not set.

    Raises `SettingsError` with one line that names the variable, its value and what is expected.
    """
    known = {field.encode_name for field in msgspec.structs.fields(Settings)}
    given = {name: value.strip() for name, value in environ.items() if name in known and value.strip()}
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_one_line(str(error), given)) from None


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _one_line(text: str, given: Mapping[str, str]) -> str:
    """msgspec says "Expected `int` >= 1 - at `$.DB_POOL_SIZE`"; say variable and value first."""
    expectation, _, place = text.partition(" - at `$.")
    name = place.rstrip("`")
    if not name:
        return text
    shown = "***" if name in SECRETS else repr(given[name])
    if expectation.startswith("Invalid enum value"):
        expectation = f"Expected one of {', '.join(_CHOICES[name])}"
    words = expectation.replace("`", "").removesuffix(", got str")
    return f"{name}={shown}: {words[0].lower()}{words[1:]}"


_CHOICES = {
    "PUSH_STRATEGY": [strategy.value for strategy in PushStrategy],
    "WORKER_BALANCE": [balance.value for balance in WorkerBalance],
    "LOG_LEVEL": [level.value for level in LogLevel],
}
