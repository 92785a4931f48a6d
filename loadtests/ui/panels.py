"""From readings to what the page draws: pure, and all that it says about units and limits is decided here."""

import operator
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from loadtests.load.target import WaitHistogram
from loadtests.ui.reading import Reading

RECENT_S = 5.0  # rates and percentiles are those of the last five seconds
NOT_YET = "nothing has been read yet"
ENOUGH_READINGS = 2  # a rate needs two
NO_POOL = "the server does not answer, or has no /metrics/pool"
NO_DETAIL = "the server's /metrics/pool does not tell"
NO_WAIT = "no wait has ended yet, or the server's /metrics/pool does not tell"
NO_DATABASE = "only `queen load`, which starts server and database, can look into it"
NO_RUN = "no run is on"
NO_ANSWERS = "no run is on, or none of its pushes was acknowledged"
NO_BACKLOG = "no run yet, or the server has no /api/v1/status"

SHOWN_DIGITS = 3

Value = float | None
Course = Callable[[Sequence[Reading]], Value]  # the value of the last reading; those before are at hand


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


def wait_percentile(share: float) -> Course:
    """Of the waits that ended in the last `RECENT_S`: none when none ended."""

    def course(readings: Sequence[Reading]) -> Value:
        before = _before(readings, lambda reading: _waits(reading) is not None)
        current = _waits(readings[-1])
        earlier = _waits(before) if before is not None else None
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


def _before(readings: Sequence[Reading], tells: Callable[[Reading], bool]) -> Reading | None:
    """The oldest reading of the last `RECENT_S` from which on all tell."""
    found = None
    for reading in reversed(readings[:-1]):
        if readings[-1].t_s - reading.t_s > RECENT_S or not tells(reading):
            break
        found = reading
    return found


def _rounded(value: Value) -> Value:
    return None if value is None else round(value, SHOWN_DIGITS)


def _waits(reading: Reading) -> WaitHistogram | None:
    """For a connection, and for a call to share it with."""
    if reading.pool is None or reading.pool.wait_histogram is None:
        return None
    alone, boarding = reading.pool.wait_histogram, reading.pool.boarding
    if boarding is None or boarding.wait_histogram.le_ms != alone.le_ms:
        return alone
    return WaitHistogram(alone.le_ms, tuple(map(operator.add, alone.counts, boarding.wait_histogram.counts)))


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
    if reading.pool is None or reading.pool.timeouts is None:
        return None
    boarding = reading.pool.boarding
    return reading.pool.timeouts + (boarding.timeouts if boarding is not None else 0)


def _backends(name: str) -> Course:
    return now(lambda reading: getattr(reading.database, name) if reading.database is not None else None)


def _rows_inserted(reading: Reading) -> Value:
    return reading.database.rows_inserted if reading.database is not None else None


def _acknowledged(reading: Reading) -> Value:
    return reading.run.acknowledged if reading.run is not None else None


def _pending(reading: Reading) -> Value:
    return reading.backlog.pending if reading.backlog is not None else None


def _lag(reading: Reading) -> Value:
    return reading.backlog.lag if reading.backlog is not None else None


def _lag_s(reading: Reading) -> Value:
    return reading.backlog.lag_s if reading.backlog is not None else None


def _response(reading: Reading) -> Value:
    return reading.run.response_p99_ms if reading.run is not None else None


def _service(reading: Reading) -> Value:
    return reading.run.service_p99_ms if reading.run is not None else None


def _schedule_lag(reading: Reading) -> Value:
    return reading.run.lag_p99_ms if reading.run is not None else None


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
        "Waiting for a connection",
        "requests",
        {"for one": now(_waiting), "to share one": now(_boarding)},
        NO_POOL,
    ),
    _Kind(
        "wait",
        "Wait for a connection, last 5 s",
        "ms",
        {"p50": wait_percentile(0.5), "p95": wait_percentile(0.95), "p99": wait_percentile(0.99)},
        NO_WAIT,
    ),
    _Kind("timeouts", "Waits that timed out", "per s", {"time-outs": rate(_timeouts)}, NO_DETAIL),
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
    _Kind("pushed", "Messages acknowledged", "msg/s", {"acknowledged": rate(_acknowledged)}, NO_RUN),
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
        "Push p99 of the window",
        "ms",
        {"from the intended start": now(_response), "from the send": now(_service)},
        NO_ANSWERS,
    ),
    _Kind(
        "generator",
        "Generator: schedule lag p99",
        "ms",
        {"schedule lag": now(_schedule_lag)},
        NO_RUN,
    ),
)

PANELS = tuple(kind.panel for kind in _KINDS)
"""Every panel of the page, in its order."""

_PANELS_AT_FIRST = tuple(replace(panel, why=NOT_YET) for panel in PANELS)


def panels_after(readings: int) -> tuple[Panel, ...]:
    """The panels when so many readings were taken: of none that is missing the reason is known at first."""
    return PANELS if readings >= ENOUGH_READINGS else _PANELS_AT_FIRST
