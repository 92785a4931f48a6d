"""Retention and eviction: sweep over the partitions and delete what has expired, in small steps.

A step is one statement that deletes at most a batch and borrows a connection for just that (what it locks:
postgres/migrations/0007_retention.sql). Between two steps there is a pause, so that pushes and pops that
waited for the step get their turn. A sweep that takes too long goes on in the next run.
"""

import asyncio
import logging

from queen.core.deadline import Deadline
from queen.core.expiry import Expirer, Expiry
from queen.settings import Settings

PAUSE_S = 0.01  # between two steps
LONGEST_RUN_S = 60.0

_log = logging.getLogger("queen.jobs")


class Expiring:
    """One kind of sweep, as a job (`queen.jobs.periodic.Job`)."""

    def __init__(
        self, expirer: Expirer, expiry: Expiry, *, interval_ms: int, batch: int, timeout_ms: int
    ) -> None:
        """`batch`: messages a step; `timeout_ms`: for a step."""
        self._expirer = expirer
        self._expiry = expiry
        self._batch = batch
        self._timeout_ms = timeout_ms
        self._reached = 0  # the sweep goes on behind this partition
        self.name = expiry.value
        self.interval_s = interval_ms / 1000
        self.deleted = 0  # messages, since the start

    async def run(self) -> None:
        """Sweep to the end, or for a minute. Raises `QueenError`."""
        before = self.deleted
        try:
            await self._sweep(Deadline.after_ms(LONGEST_RUN_S * 1000))
        finally:
            if self.deleted > before:
                _log.info("messages_expired", extra={"job": self.name, "deleted": self.deleted - before})

    async def _sweep(self, until: Deadline) -> None:
        more = await self._step()
        while more and not until.passed:
            await asyncio.sleep(PAUSE_S)
            more = await self._step()

    async def _step(self) -> bool:
        """Whether there is more to do."""
        deadline = Deadline.after_ms(self._timeout_ms)
        step = await self._expirer.delete_prefixes(self._expiry, self._reached, self._batch, deadline)
        self.deleted += step.deleted
        self._reached = step.reached or 0
        return step.reached is not None


def expiring_jobs(expirer: Expirer, settings: Settings) -> tuple[Expiring, Expiring]:
    """Retention and eviction, as the settings have them."""
    timeout_ms = settings.db_statement_timeout
    return (
        Expiring(
            expirer,
            Expiry.RETENTION,
            interval_ms=settings.retention_interval,
            batch=settings.retention_batch_size,
            timeout_ms=timeout_ms,
        ),
        Expiring(
            expirer,
            Expiry.EVICTION,
            interval_ms=settings.eviction_interval,
            batch=settings.eviction_batch_size,
            timeout_ms=timeout_ms,
        ),
    )
