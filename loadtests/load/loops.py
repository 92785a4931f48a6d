"""When a producer pushes: right after the last answer, or when a schedule says so.

Both loops run in greenlets of their own, which `LoadRun.finish` joins: Locust's stop kills a user's
greenlet in the middle of a request, and a push that is cut off is one whose outcome nobody knows.
"""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Protocol

import gevent
from gevent import GreenletExit
from gevent.event import Event
from gevent.pool import Group

from loadtests.load.backpressure import HoldBack
from loadtests.load.course import Stage
from loadtests.load.producer import Producer, Sender
from loadtests.load.recorder import Attempt, Recorder
from loadtests.load.stages import RunningStage, Stages

FAILURE_PAUSE_S = 0.1  # a server that fails at once must not make the generator spin
WAKE_UP_S = 0.1  # by which a push may be overdue when the end comes and still be sent


class Loop(Protocol):
    """Work of one user, which goes on until its `stopping` event is set."""

    def run(self) -> None:
        """Work until told to stop, then finish what was begun."""
        ...


class ClosedLoop:
    """The next push right after the answer; after a failure a pause.

    It is one of `FAILURE_PAUSE_S`, or what `HoldBack` makes of the answer's Retry-After.
    """

    def __init__(self, producer: Producer, sender: Sender, hold: HoldBack, stopping: Event) -> None:
        self._producer = producer
        self._sender = sender
        self._hold = hold
        self._stopping = stopping

    def run(self) -> None:
        """Push until told to stop."""
        push, sender, stopping = self._producer.push, self._sender, self._stopping
        while not stopping.is_set():
            attempt = push(sender, perf_counter())
            if attempt.outcome.code:
                self._pause(attempt)

    def _pause(self, attempt: Attempt) -> None:
        held_until = self._hold.obey(attempt)
        if held_until is None:
            self._stopping.wait(FAILURE_PAUSE_S)
        else:
            self._stopping.wait(max(0.0, held_until - perf_counter()))
            self._hold.end(perf_counter())


class OpenLoop:
    """Pushes go out when they are due, however late the earlier answers are, each in its own greenlet.

    Each stage has a schedule of its own: `due_times(stage)` are seconds after its start. At most
    `cap(stage)` pushes are unanswered; what is due beyond that is counted as missed, what is due while
    the server asked for a pause as held. What was due in a stage is not forgotten when it is over: a
    loop that is late catches up before it begins the next, and what it has not sent when it is stopped
    is missed.
    """

    def __init__(
        self,
        producer: Producer,
        new_sender: Callable[[], Sender],
        recorder: Recorder,
        stopping: Event,
        *,
        stages: Stages,
        due_times: Callable[[Stage], Iterator[float]],
        cap: Callable[[Stage], int],
        hold: HoldBack,
    ) -> None:
        self._producer = producer
        self._new_sender = new_sender
        self._recorder = recorder
        self._stopping = stopping
        self._stages = stages
        self._due_times = due_times
        self._cap = cap
        self._hold = hold
        self._bell = Event()  # a new stage, or the end
        self._idle: list[Sender] = []
        self._flights = Group()

    def run(self) -> None:
        """Keep the schedules until told to stop, then wait for the last answers."""
        self._stages.listen(self._bell)
        self._stopping.rawlink(self._ring)
        try:
            running: RunningStage | None = None if self._stopping.is_set() else self._stages.current
            start_s = running.schedule_start(perf_counter()) if running else 0.0
            while running is not None:  # each in its turn, also one that was over before it was this loop's
                self._keep(running, start_s)
                running = running.following
                start_s = running.started_at if running else 0.0
            self._flights.join()
        except GreenletExit:
            self._flights.kill()
            raise
        finally:
            self._hold.end(perf_counter())
            self._stopping.unlink(self._ring)
            self._stages.leave(self._bell)

    def _keep(self, running: RunningStage, start_s: float) -> None:
        """Keep the schedule of one stage until it is over."""
        cap, hold, flights, stopping = self._cap(running.stage), self._hold, self._flights, self._stopping
        for due in self._due_times(running.stage):
            due_s = start_s + due
            if not self._comes(due_s, running):
                return
            if hold.holds(due_s):
                self._recorder.held(due_s)
            elif len(flights) >= cap or (stopping.is_set() and perf_counter() - due_s > WAKE_UP_S):
                self._recorder.missed(due_s)
            else:
                flights.spawn(self._fly, due_s)
        while running.following is None and not self._stopping.is_set():
            self._wait(None)

    def _comes(self, due_s: float, running: RunningStage) -> bool:
        """Wait for a due time; False when the stage or the run ends before it."""
        if due_s <= perf_counter():
            gevent.sleep(0)  # late: let the earlier pushes go out first
        while (ahead_s := due_s - perf_counter()) > 0:
            if self._stopping.is_set():
                return False
            if running.following is not None:
                break
            self._wait(ahead_s)
        return running.following is None or due_s < running.following.started_at

    def _wait(self, seconds: float | None) -> None:
        """Wait, but not past the next ring of the bell."""
        self._bell.wait(seconds)
        self._bell.clear()

    def _ring(self, _: Event) -> None:
        self._bell.set()

    def _fly(self, due_s: float) -> None:
        sender = self._idle.pop() if self._idle else self._new_sender()
        attempt = self._producer.push(sender, due_s)
        self._idle.append(sender)
        if attempt.outcome.code:
            self._hold.obey(attempt)
