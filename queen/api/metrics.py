"""GET /metrics, /metrics/pool and /metrics/prometheus: what the guide says to watch.

Whichever worker is asked answers for the whole instance. Gauges are read only, never the database.
"""

from msgspec import Struct
from msgspec.structs import asdict

from queen.api.codec import answer
from queen.errors import NotFound
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route
from queen.observe import prometheus
from queen.observe.boarding import BoardingReading
from queen.observe.instance import Readings, Siblings
from queen.observe.pool import PoolReading
from queen.observe.reading import Instruments, Rated, Reading


class Workers(Struct):
    """Processes of the instance, and how many of them are in the answer."""

    expected: int
    answered: int


class DatabasePool(Struct, rename="camel"):
    """The pool, by the names of /metrics; /metrics/pool tells more."""

    pool_size: int
    idle_connections: int
    waiting_requests: int


class Memory(Struct, rename="camel"):
    """Bytes. There is no managed heap to tell apart: the heap's fields are the resident set."""

    rss: int
    heap_total: int
    heap_used: int
    external: int
    array_buffers: int


class Cpu(Struct):
    """Microseconds since the start."""

    user: int
    system: int


class ClientConnections(Struct):
    """HTTP connections: open now, and since the start those over MAX_CLIENTS, which were answered 503.

    `moved`: went on to another worker, since the start; `abandoned`: answers whose client had gone or
    half-closed.
    """

    open: int
    moved: int
    refused: int
    abandoned: int


class Deleted(Struct):
    """Messages that were deleted since the start, by what asked for it."""

    retention: int
    eviction: int


class Metrics(Struct, rename="camel"):
    """The answer of /metrics."""

    uptime: float
    requests: Rated
    messages: Rated
    popped: Rated
    acked: Rated
    parked_polls: int
    listening: int  # workers that hear the wake-ups of other processes; the others look now and then
    pushes_refused: int  # since the start, for a queue's maxSize
    deleted: Deleted
    jobs_failed: int  # runs, since the start
    connections: ClientConnections
    database: DatabasePool
    memory: Memory
    cpu: Cpu
    workers: Workers


class PoolMetrics(PoolReading, frozen=True, rename="camel", kw_only=True):
    """The answer of /metrics/pool: the guide's three gauges, then everything else.

    What waits to share a call is no client of the pool: it is in `boarding`. Answers `pool_timeout` are the
    `timeouts` of both together.
    """

    boarding: BoardingReading
    loop_lag_ms: float  # largest of the last ten seconds, of all workers
    workers: Workers


class MetricsResource:
    """The metrics endpoints; ENABLE_METRICS=false closes them."""

    def __init__(self, instruments: Instruments, siblings: Siblings, enabled: bool) -> None:
        self._instruments = instruments
        self._siblings = siblings
        self._enabled = enabled

    def routes(self) -> list[Route]:
        """The endpoints."""
        whole = Operation("The server as a whole", {200: Metrics})
        pool = Operation("The connection pool", {200: PoolMetrics})
        text = Operation("All figures of every worker, in the Prometheus text format", {200: str})
        return [
            Route("GET", "/metrics", self.metrics, whole),
            Route("GET", "/metrics/pool", self.pool, pool),
            Route("GET", "/metrics/prometheus", self.prometheus, text),
        ]

    async def metrics(self, _request: Request) -> Response:
        """The server as a whole."""
        readings = await self._read()
        return answer(_metrics(readings.total(), _workers(readings)))

    async def pool(self, _request: Request) -> Response:
        """The pool."""
        readings = await self._read()
        total = readings.total()
        lag_ms = total.loop_lag_s * 1000
        return answer(
            PoolMetrics(
                **asdict(total.pool),
                boarding=total.boarding,
                loop_lag_ms=lag_ms,
                workers=_workers(readings),
            )
        )

    async def prometheus(self, _request: Request) -> Response:
        """Everything, for Prometheus."""
        text = prometheus.exposition(await self._read())
        return Response(body=text.encode(), content_type=prometheus.CONTENT_TYPE)

    async def _read(self) -> Readings:
        """Every worker's figures. Raises `NotFound` when nobody shall know them."""
        if not self._enabled:
            raise NotFound("metrics are switched off (ENABLE_METRICS=false)")
        others = await self._siblings.read()
        return Readings(
            self._siblings.workers, {self._siblings.worker_id: self._instruments.read(), **others}
        )


def _metrics(total: Reading, workers: Workers) -> Metrics:
    return Metrics(
        uptime=round(total.uptime_s, 3),
        requests=_rounded(total.push_requests),
        messages=_rounded(total.pushed),
        popped=_rounded(total.popped),
        acked=_rounded(total.acked),
        parked_polls=total.parked_polls,
        listening=total.listening,
        pushes_refused=total.pushes_refused,
        deleted=Deleted(total.retention_deleted, total.eviction_deleted),
        jobs_failed=total.jobs_failed,
        connections=ClientConnections(
            open=total.connections_open,
            moved=total.connections_moved,
            refused=total.connections_refused,
            abandoned=total.answers_abandoned,
        ),
        database=DatabasePool(
            pool_size=total.pool.total_count,
            idle_connections=total.pool.idle_count,
            waiting_requests=total.pool.waiting_count,
        ),
        memory=Memory(
            rss=total.rss_bytes,
            heap_total=total.rss_bytes,
            heap_used=total.rss_bytes,
            external=0,
            array_buffers=0,
        ),
        cpu=Cpu(user=int(total.cpu_user_s * 1e6), system=int(total.cpu_system_s * 1e6)),
        workers=workers,
    )


def _workers(readings: Readings) -> Workers:
    return Workers(readings.expected, len(readings.by_worker))


def _rounded(rated: Rated) -> Rated:
    return Rated(rated.total, round(rated.rate, 3))
