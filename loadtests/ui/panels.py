"""From readings to what the page draws: pure, and all that it says about units and limits is decided here."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from loadtests.load.target import WaitHistogram
from loadtests.ui.reading import Reading
from loadtests.ui.recent import Course, Value, now, rate, run_p99_ms, run_rate, wait_percentile

NOT_YET = "nothing has been read yet"
ENOUGH_READINGS = 2  # a rate needs two
NO_POOL = "the server does not answer, or has no /metrics/pool"
NO_DETAIL = "the server's /metrics/pool does not tell"
NO_WAIT = "no wait has ended yet, or the server's /metrics/pool does not tell"
NO_DATABASE = "only `queen load`, which starts server and database, can look into it"
NO_SHARING = "the server's strategy has requests share no calls, or its /metrics/pool does not tell"
NO_RUN = "no run is on"
NO_ANSWERS = "no run is on, or none of its pushes was acknowledged in the last 5 s"
NO_BACKLOG = "no run yet, or the server has no /api/v1/status"

SHOWN_DIGITS = 3
SHARES = (0.5, 0.95, 0.99)


class Panel(Struct, frozen=True, rename="camel"):
    """One chart. When there is not a single value it is not available, and `why` says why."""

    key: str
    title: str
    unit: str
    lines: tuple[str, ...]
    has_limit: bool  # the most that there can be, as it is at the time: drawn as a line of its own
    why: str


def values_of(readings: Sequence[Reading]) -> tuple[Value, ...]:
    """What is drawn of the last reading: for each panel its lines, then its limit if it has one.

    `readings` rise in time and go back for `RECENT_S`, or to the first that there is.
    """
    return tuple(_rounded(course(readings)) for kind in _KINDS for course in kind.courses)


def _rounded(value: Value) -> Value:
    return None if value is None else round(value, SHOWN_DIGITS)


def _waits(reading: Reading) -> WaitHistogram | None:
    return reading.pool.wait_histogram if reading.pool is not None else None


def _boarding_waits(reading: Reading) -> WaitHistogram | None:
    boarding = reading.pool.boarding if reading.pool is not None else None
    return boarding.wait_histogram if boarding is not None else None


def _limit(reading: Reading) -> Value:
    return reading.pool.max_count if reading.pool is not None else None


def _total(reading: Reading) -> Value:
    return reading.pool.total_count if reading.pool is not None else None


def _idle(reading: Reading) -> Value:
    return reading.pool.idle_count if reading.pool is not None else None


def _waiting(reading: Reading) -> Value:
    return reading.pool.waiting_count if reading.pool is not None else None


def _boarding(reading: Reading) -> Value:
    boarding = reading.pool.boarding if reading.pool is not None else None
    return boarding.waiting_count if boarding is not None else None


def _timeouts(reading: Reading) -> Value:
    return reading.pool.timeouts if reading.pool is not None else None


def _boarding_timeouts(reading: Reading) -> Value:
    boarding = reading.pool.boarding if reading.pool is not None else None
    return boarding.timeouts if boarding is not None else None


def _backends(name: str) -> Course:
    return now(lambda reading: getattr(reading.database, name) if reading.database is not None else None)


def _rows_inserted(reading: Reading) -> Value:
    return reading.database.rows_inserted if reading.database is not None else None


def _in_flight(reading: Reading) -> Value:
    return reading.run.in_flight if reading.run is not None else None


def _pending(reading: Reading) -> Value:
    return reading.backlog.pending if reading.backlog is not None else None


def _lag(reading: Reading) -> Value:
    return reading.backlog.lag if reading.backlog is not None else None


def _lag_s(reading: Reading) -> Value:
    return reading.backlog.lag_s if reading.backlog is not None else None


class _Kind(Struct, frozen=True):
    key: str
    title: str
    unit: str
    lines: dict[str, Course]
    why: str
    limit: Course | None = None

    @property
    def courses(self) -> tuple[Course, ...]:
        return (*self.lines.values(), *((self.limit,) if self.limit is not None else ()))

    @property
    def panel(self) -> Panel:
        return Panel(self.key, self.title, self.unit, tuple(self.lines), self.limit is not None, self.why)


_KINDS = (
    _Kind(
        "pool",
        "Pool",
        "connections",
        {"open": now(_total), "idle": now(_idle)},
        NO_POOL,
        now(_limit),
    ),
    _Kind(
        "waiting",
        "Waiting",
        "at this moment",
        {"calls for a connection": now(_waiting), "requests to share a call": now(_boarding)},
        NO_POOL,
    ),
    _Kind(
        "wait",
        "Wait for a connection, last 5 s",
        "ms",
        {f"p{round(100 * share)}": wait_percentile(_waits, share) for share in SHARES},
        NO_WAIT,
    ),
    _Kind(
        "boarding",
        "Wait to share a call, last 5 s",
        "ms",
        {f"p{round(100 * share)}": wait_percentile(_boarding_waits, share) for share in SHARES},
        NO_SHARING,
    ),
    _Kind(
        "timeouts",
        "Waits that timed out",
        "per s",
        {"for a connection": rate(_timeouts), "to share a call": rate(_boarding_timeouts)},
        NO_DETAIL,
    ),
    _Kind(
        "states",
        "Backends by state",
        "backends",
        {
            "active": _backends("active"),
            "idle": _backends("idle"),
            "idle in transaction": _backends("idle_in_transaction"),
        },
        NO_DATABASE,
    ),
    _Kind(
        "waits",
        "Active backends by wait",
        "backends",
        {
            "running": _backends("running"),
            "Lock": _backends("wait_lock"),
            "LWLock": _backends("wait_lwlock"),
            "IO": _backends("wait_io"),
            "Client": _backends("wait_client"),
            "other": _backends("wait_other"),
        },
        NO_DATABASE,
    ),
    _Kind("inserts", "Rows inserted", "rows/s", {"inserted": rate(_rows_inserted)}, NO_DATABASE),
    _Kind(
        "pushed",
        "Messages acknowledged",
        "msg/s",
        {"acknowledged": run_rate(lambda run: run.acknowledged)},
        NO_RUN,
    ),
    _Kind(
        "depth",
        "Depth of the queue",
        "messages",
        {"pending": now(_pending), "behind the slowest group": now(_lag)},
        NO_BACKLOG,
    ),
    _Kind("lag", "Oldest message not consumed", "s", {"lag": now(_lag_s)}, "no consumer group"),
    _Kind(
        "latency",
        "Push p99, last 5 s",
        "ms",
        {
            "from the intended start": run_p99_ms(lambda run: run.response),
            "from the send": run_p99_ms(lambda run: run.service),
        },
        NO_ANSWERS,
    ),
    _Kind("in_flight", "Pushes under way", "requests", {"in flight": now(_in_flight)}, NO_RUN),
    _Kind(
        "not_sent",
        "Pushes that were due and not sent",
        "per s",
        {"missed": run_rate(lambda run: run.missed), "held back": run_rate(lambda run: run.held)},
        NO_RUN,
    ),
    _Kind(
        "generator",
        "Generator: schedule lag p99, last 5 s",
        "ms",
        {"schedule lag": run_p99_ms(lambda run: run.lag)},
        "no run is on, or a closed loop, which has no schedule",
    ),
)

PANELS = tuple(kind.panel for kind in _KINDS)
"""Every panel of the page, in its order."""

_PANELS_AT_FIRST = tuple(replace(panel, why=NOT_YET) for panel in PANELS)


def panels_after(readings: int) -> tuple[Panel, ...]:
    """The panels when so many readings were taken: of none that is missing the reason is known at first."""
    return PANELS if readings >= ENOUGH_READINGS else _PANELS_AT_FIRST
