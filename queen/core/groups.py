"""Groups: moving them and deleting their progress. Whoever waits in such a group looks again at once."""

from datetime import datetime

from queen.core.deadline import Deadline
from queen.core.store import Store
from queen.core.wakeups import Wakeups


class Groups:
    """What can be done to a consumer group."""

    def __init__(self, store: Store, wakeups: Wakeups) -> None:
        self._store = store
        self._wakeups = wakeups

    async def seek(
        self, queue: str, group: str, partition: str | None, to: datetime | None, deadline: Deadline
    ) -> dict[str, int]:
        """Move the group behind the last message that is not younger than `to` (None: to the end).

        `partition` None: in every partition. Returns partition → new position; leases on them have ended.
        """
        moved = await self._store.seek(queue, group, partition, to, deadline)
        if moved:
            self._wakeups.wake(queue, moved.keys(), group)
        return moved

    async def delete(self, group: str, queue: str | None, subscription: bool, deadline: Deadline) -> int:
        """Delete its progress on the queue (None: on every queue); returns on how many partitions.

        `subscription`: forget where it starts, too; otherwise it starts there again when it comes back. Polls
        that wait in it register it anew at once: of what is pushed from then on it misses nothing.
        """
        deleted = await self._store.delete_group(group, queue, subscription, deadline)
        for name in deleted:
            self._wakeups.wake(name, None, group)
        return sum(deleted.values())
