"""Queues: their options, and their end."""

from queen.core.backlog import Backlog
from queen.core.deadline import Deadline
from queen.core.store import ConfiguredQueue, QueueOptions, Store
from queen.core.wakeups import Wakeups


class Queues:
    """What can be done to a queue as a whole."""

    def __init__(self, store: Store, backlog: Backlog, wakeups: Wakeups) -> None:
        self._store = store
        self._backlog = backlog
        self._wakeups = wakeups

    async def configure(
        self, queue: str, namespace: str, task: str, options: QueueOptions, deadline: Deadline
    ) -> ConfiguredQueue:
        """Make the queue or set all its options anew; what waits for a delay goes by the new one."""
        made = await self._store.configure(queue, namespace, task, options, deadline)
        self._backlog.forget(queue)
        self._wakeups.wake(queue, None)
        return made

    async def delete(self, queue: str, deadline: Deadline) -> bool:
        """Delete the queue and all that belongs to it; whether there was one.

        Its groups are gone as well. Polls that wait register theirs anew at once, so that a group which
        subscribes to what is new gets what is pushed from then on.
        """
        existed = await self._store.delete_queue(queue, deadline)
        self._backlog.forget(queue)
        self._wakeups.wake(queue, None)
        return existed
