"""GET /metrics and /metrics/pool: what the guide says to watch. Reads gauges only, never the database."""

import psutil
from msgspec import Struct

from queen.api.codec import answer
from queen.core.wakeups import Wakeups
from queen.errors import NotFound
from queen.http.connections import Connections
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route
from queen.observe.activity import Activity, Meter
from queen.observe.loop_lag import LoopLag
from queen.observe.pool import PoolGauges, PoolReading


class Rated(Struct):
    """A count since the start, and its rate a second over the last ten."""

    total: int
    rate: float


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

    `abandoned`: answers, since the start, whose client had gone or half-closed.
    """

    open: int
    refused: int
    abandoned: int


class Metrics(Struct, rename="camel"):
    """The answer of /metrics."""

    uptime: float
    requests: Rated
    messages: Rated
    popped: Rated
    acked: Rated
    parked_polls: int
    connections: ClientConnections
    database: DatabasePool
    memory: Memory
    cpu: Cpu


class PoolMetrics(PoolReading, frozen=True, rename="camel"):
    """The answer of /metrics/pool: the guide's three gauges, then everything else."""

    loop_lag_ms: float = 0.0  # largest of the last ten seconds


class MetricsResource:
    """The metrics endpoints; ENABLE_METRICS=false closes them."""

    def __init__(
        self,
        gauges: PoolGauges,
        activity: Activity,
        wakeups: Wakeups,
        connections: Connections,
        lag: LoopLag,
        enabled: bool,
    ) -> None:
        self._gauges = gauges
        self._activity = activity
        self._wakeups = wakeups
        self._connections = connections
        self._lag = lag
        self._enabled = enabled
        self._process = psutil.Process()

    def routes(self) -> list[Route]:
        """The endpoints."""
        whole = Operation("The server as a whole", {200: Metrics})
        pool = Operation("The connection pool", {200: PoolMetrics})
        return [
            Route("GET", "/metrics", self.metrics, whole),
            Route("GET", "/metrics/pool", self.pool, pool),
        ]

    async def metrics(self, _request: Request) -> Response:
        """The server as a whole."""
        self._require_enabled()
        pool = self._gauges.read()
        memory = self._process.memory_info().rss
        cpu = self._process.cpu_times()
        return answer(
            Metrics(
                uptime=round(self._activity.uptime_s, 3),
                requests=_rated(self._activity.push_requests),
                messages=_rated(self._activity.pushed),
                popped=_rated(self._activity.popped),
                acked=_rated(self._activity.acked),
                parked_polls=self._wakeups.parked,
                connections=ClientConnections(
                    open=len(self._connections.open),
                    refused=self._connections.refused,
                    abandoned=self._connections.abandoned,
                ),
                database=DatabasePool(
                    pool_size=pool.total_count,
                    idle_connections=pool.idle_count,
                    waiting_requests=pool.waiting_count,
                ),
                memory=Memory(rss=memory, heap_total=memory, heap_used=memory, external=0, array_buffers=0),
                cpu=Cpu(user=int(cpu.user * 1e6), system=int(cpu.system * 1e6)),
            )
        )

    async def pool(self, _request: Request) -> Response:
        """The pool."""
        self._require_enabled()
        reading = self._gauges.read()
        fields = {name: getattr(reading, name) for name in PoolReading.__struct_fields__}
        return answer(PoolMetrics(**fields, loop_lag_ms=self._lag.worst_ms))

    def _require_enabled(self) -> None:
        if not self._enabled:
            raise NotFound("metrics are switched off (ENABLE_METRICS=false)")


def _rated(meter: Meter) -> Rated:
    return Rated(total=meter.total, rate=round(meter.rate, 3))
