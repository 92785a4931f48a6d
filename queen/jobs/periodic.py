"""Background work that is done now and then: each job has a task, and a run follows the one before.

The first run comes at a random instant of the first interval, so that processes that start together do not
work together. A run that fails - the database is away, the pool has no connection to spare - is logged and
counted, and the next one comes an interval later. A job does its work in steps of one short statement each:
it can be cancelled at any moment, and then what a step had begun is undone.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from queen.errors import QueenError

_log = logging.getLogger("queen.jobs")


class Job(Protocol):
    """Something to be done every `interval_s`."""

    @property
    def name(self) -> str:
        """For the log."""
        ...

    @property
    def interval_s(self) -> float:
        """From the end of a run to the start of the next."""
        ...

    async def run(self) -> None:
        """Do it once."""
        ...


class Periodic:
    """The jobs of one process."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._tasks: list[asyncio.Task[None]] = []
        self.failures = 0  # runs, since the start

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do the jobs inside the block."""
        async with asyncio.TaskGroup() as group:
            self._tasks = [group.create_task(self._repeat(job), name=job.name) for job in self._jobs]
            try:
                yield
            finally:
                self.stop()

    def stop(self) -> None:
        """Stop at once, for good; the end of the block waits for it."""
        for task in self._tasks:
            task.cancel()

    async def _repeat(self, job: Job) -> None:
        await asyncio.sleep(random.uniform(0, job.interval_s))
        while True:
            await self._run(job)
            await asyncio.sleep(job.interval_s)

    async def _run(self, job: Job) -> None:
        try:
            await job.run()
        except QueenError as error:
            self.failures += 1
            _log.warning("job_failed", extra={"job": job.name, "why": str(error)})
        except Exception:  # noqa: BLE001 - the edge of the task: a fault in one run must not end the job
            self.failures += 1
            _log.exception("job_failed", extra={"job": job.name})
