"""What is due for one producer: the schedules of the stages, each from its start until the next one's.

Pure but for the stages, which begin while it is read. Nothing that was due is skipped, however late the
reader comes: what it does not send it can still count.
"""

from collections.abc import Callable, Iterator
from itertools import islice

from loadtests.load.conducting.course import Stage
from loadtests.load.conducting.stages import RunningStage


class Agenda:
    """Begins with a stage at `start_s`; `due_times(stage)` are seconds after the start of a stage, rising.

    `start_s` and all that it gives are instants of `perf_counter`.
    """

    def __init__(
        self, first: RunningStage, start_s: float, due_times: Callable[[Stage], Iterator[float]]
    ) -> None:
        self._due_times = due_times
        self._begin(first, start_s)

    @property
    def stage(self) -> Stage:
        """The stage of what `next_due` gave last."""
        return self._running.stage

    def next_due(self) -> float | None:
        """When the next push is due; None: nothing more before the next stage."""
        due_s = self._look()
        while (following := self._running.following) is not None:
            if due_s is not None and due_s < following.started_at:
                break
            self._begin(following, following.started_at)
            due_s = self._look()
        return due_s

    def done(self) -> None:
        """The push that `next_due` gave is sent, or counted as what it is."""
        self._ahead.clear()

    def overdue(self, until_s: float) -> Iterator[float]:
        """All that is due until then and was not done yet; it is done by that."""
        while (due_s := self.next_due()) is not None and due_s <= until_s:
            self.done()
            yield due_s

    def _begin(self, running: RunningStage, start_s: float) -> None:
        self._running = running
        self._start_s = start_s
        self._times = self._due_times(running.stage)
        self._ahead: list[float] = []  # at most one, of the stage

    def _look(self) -> float | None:
        """The next due time of the stage, taken from its schedule when it is asked for."""
        if not self._ahead:
            self._ahead = [self._start_s + due for due in islice(self._times, 1)]
        return self._ahead[0] if self._ahead else None
