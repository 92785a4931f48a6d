"""Which messages may be deleted, and the port through which they are: prefixes of partitions, in steps.

The rules are the store's (postgres/migrations/0007_retention.sql), since only it can judge them under the
locks; `queen.jobs` decides when a step is due.
"""

import enum
from typing import Protocol

from msgspec import Struct

from queen.core.deadline import Deadline


class Expiry(enum.Enum):
    """Why messages have to go; each queue says by its options after how long, or never."""

    RETENTION = "retention"  # retentionSeconds, completedRetentionSeconds
    EVICTION = "eviction"  # maxWaitTimeSeconds


class Step(Struct, frozen=True):
    """What one step of a sweep did.

    `reached`: the partition behind which the next step goes on. None: all partitions were seen, or
    another process is at work.
    """

    deleted: int
    reached: int | None


class Expirer(Protocol):
    """Whoever can delete what has expired."""

    async def delete_prefixes(self, expiry: Expiry, after: int, most: int, deadline: Deadline) -> Step:
        """Delete at most `most` messages of the partitions behind `after`. Raises `QueenError`."""
        ...
