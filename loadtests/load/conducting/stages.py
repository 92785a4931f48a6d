"""The stage that a run is in, for all loops of this process, and a bell that rings when it changes."""

from time import perf_counter

from gevent.event import Event
from msgspec import Struct

from loadtests.load.conducting.course import Stage

TOGETHER_S = 0.5  # loops that begin this soon after the start of a stage share its schedule


class RunningStage(Struct):
    """A stage, and when it began on this process's clock (`perf_counter`)."""

    stage: Stage
    started_at: float
    following: "RunningStage | None" = None  # set when that begins: then this one is over

    def schedule_start(self, now_s: float) -> float:
        """Where the schedule of a loop that begins now starts: with the stage, or, come late, now."""
        return self.started_at if now_s - self.started_at < TOGETHER_S else now_s


class Stages:
    """Begins with a first stage, which may be replaced before anybody works in it."""

    def __init__(self, first: Stage) -> None:
        self.current = RunningStage(first, perf_counter())
        self._bells: set[Event] = set()

    def start(self, stage: Stage) -> None:
        """Begin a stage now; the one before is over."""
        self.current.following = RunningStage(stage, perf_counter())
        self.current = self.current.following
        for bell in self._bells:
            bell.set()

    def listen(self, bell: Event) -> None:
        """Have an event set at each start of a stage."""
        self._bells.add(bell)

    def leave(self, bell: Event) -> None:
        """The opposite of `listen`."""
        self._bells.discard(bell)
