"""One worker's post: filled at the start, and again whenever its worker ends, until the stop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from queen.errors import UserError
from queen.server.restarts import Restarts
from queen.server.stop import Stop
from queen.server.worker_process import WorkerProcess, describe_exit

_log = logging.getLogger("queen.server")

StartWorker = Callable[[], Awaitable[WorkerProcess]]


@dataclass(frozen=True)
class Life:
    """A worker's life, after its end."""

    exit_code: int
    lived_s: float
    ended_with: str


class Post:
    """The place of worker `worker_id`; `start` makes a process for it."""

    def __init__(self, worker_id: int, start: StartWorker, stop: Stop) -> None:
        self.worker_id = worker_id
        self._start = start
        self._stop = stop
        self._restarts = Restarts()
        self._worker: WorkerProcess | None = None

    async def fill(self) -> None:
        """Start the first worker and wait until it is ready. Raises `UserError` when it fails."""
        try:
            worker = await self._next_worker()
        except OSError as error:
            raise UserError(f"worker {self.worker_id} cannot be started: {error.strerror}") from None
        report = await worker.report()
        if report is None:
            ended_with = describe_exit(await worker.ended())
            raise UserError(f"worker {self.worker_id} ended with {ended_with} before it was ready")
        if report.failure:
            raise UserError(report.failure)

    async def keep(self) -> int:
        """Replace each worker that ends, until the stop; returns the exit code of the last one."""
        life = await _whole_life(self._worker) if self._worker is not None else _NONE
        while not self._stop.first.is_set():
            pause_s = self._restarts.pause_s(life.lived_s)
            self._tell(life, pause_s)
            if await self._stopped_within(pause_s):
                return 0
            life = await self._next_life()
        return life.exit_code

    def signal(self) -> None:
        """Hand a signal on to whoever is there."""
        if self._worker is not None:
            self._worker.signal()

    def kill(self) -> None:
        """End whoever is there at once."""
        if self._worker is not None:
            self._worker.kill()

    async def _next_life(self) -> Life:
        try:
            worker = await self._next_worker()
        except OSError as error:
            return Life(exit_code=0, lived_s=0.0, ended_with=f"no process: {error.strerror}")
        return await _whole_life(worker)

    async def _next_worker(self) -> WorkerProcess:
        """Start a worker; it learns of the signals that came meanwhile. Raises OSError."""
        self._worker = None
        worker = await self._start()
        self._worker = worker
        for asked in (self._stop.first, self._stop.second):
            if asked.is_set():
                worker.signal()
        return worker

    async def _stopped_within(self, pause_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                return await self._stop.first.wait()
        return False

    def _tell(self, life: Life, pause_s: float) -> None:
        _log.warning(
            "worker_ended",
            extra={
                "worker": self.worker_id,
                "ended_with": life.ended_with,
                "lived_s": round(life.lived_s, 3),
                "restart_in_s": pause_s,
            },
        )


_NONE = Life(exit_code=0, lived_s=0.0, ended_with="no process")


async def _whole_life(worker: WorkerProcess) -> Life:
    """Wait for a worker's end."""
    report = await worker.report()
    code = await worker.ended()
    why = f": {report.failure}" if report and report.failure else ""
    return Life(code, worker.lived_s, describe_exit(code) + why)
