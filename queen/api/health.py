"""GET /health (ready: the database answers) and GET /livez (alive: this process answers)."""

from msgspec import Struct

from queen import __version__
from queen.api.codec import answer
from queen.core.deadline import Deadline
from queen.core.store import Store
from queen.errors import PoolTimeout, QueenError
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

_PATIENCE_MS = 1000


class WorkerState(Struct):
    """Which process answered."""

    worker_id: int
    status: str


class Health(Struct):
    """The answer of /health."""

    status: str
    database: str
    server: str
    worker_id: int
    version: str
    queen: WorkerState
    error: str | None = None


class Alive(Struct):
    """The answer of /livez."""

    status: str = "alive"


class HealthResource:
    """The health endpoints; both are open without a token."""

    def __init__(self, store: Store, worker_id: int) -> None:
        self._store = store
        self._worker_id = worker_id

    def routes(self) -> list[Route]:
        """The endpoints."""
        ready = Operation("Ready: the database answers", {200: Health, 503: Health})
        alive = Operation("Alive: this process answers", {200: Alive})
        return [
            Route("GET", "/health", self.health, ready),
            Route("GET", "/livez", self.livez, alive),
        ]

    async def health(self, _request: Request) -> Response:
        """200 or 503. A pool whose connections are all busy is busy, not unhealthy."""
        error = None
        try:
            await self._store.ping(Deadline.after_ms(_PATIENCE_MS))
        except PoolTimeout:
            pass
        except QueenError as failure:
            error = str(failure)
        healthy = error is None
        return answer(
            Health(
                status="healthy" if healthy else "unhealthy",
                database="connected" if healthy else "disconnected",
                server="queen-bench",
                worker_id=self._worker_id,
                version=__version__,
                queen=WorkerState(worker_id=self._worker_id, status="active"),
                error=error,
            ),
            200 if healthy else 503,
        )

    async def livez(self, _request: Request) -> Response:
        """200 as long as the event loop turns."""
        return answer(Alive())
