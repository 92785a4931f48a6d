"""When a producer pushes: right after the last answer, or when a schedule says so.

Both loops run in greenlets of their own, which `LoadRun.finish` joins: Locust's stop kills a user's
greenlet in the middle of a request, and a push that is cut off is one whose outcome nobody knows.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Protocol

import gevent
from gevent import GreenletExit
from gevent.event import Event
from gevent.pool import Group

from loadtests.load.conducting.course import Stage
from loadtests.load.conducting.stages import Stages
from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.producing.agenda import Agenda
from loadtests.load.producing.backpressure import HoldBack
from loadtests.load.producing.producer import Producer, Sender

FAILURE_PAUSE_S = 0.1  # a server that fails at once must not make the generator spin
WAKE_UP_S = 0.1  # by which a push may be overdue when the end or a hold comes and still be sent


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
        self._producer.begin(perf_counter())
        try:
            while not stopping.is_set():
                attempt = push(sender, perf_counter())
                if attempt.outcome.code:
                    self._pause(attempt)
        finally:
            self._producer.end(perf_counter())

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
    the server asked for a pause as held. What was due is never forgotten: a loop that is late catches up,
    and what it has not sent when it is stopped, or killed before it could, is missed.
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
        self._departing: deque[float] = deque()  # due times of flights that have not had their turn yet
        self._capped: Stage | None = None  # the stage that `_most_in_flight` is of
        self._most_in_flight = 0
        self._end_s = math.inf  # when it was told to stop: what is due later is not of this loop

    def run(self) -> None:
        """Keep the schedules until told to stop, then wait for the last answers."""
        if self._stopping.is_set():
            return
        first = self._stages.current
        start_s = first.schedule_start(perf_counter())
        agenda = Agenda(first, start_s, self._due_times)
        self._producer.begin(start_s)
        self._stages.listen(self._bell)
        self._stopping.rawlink(self._end)
        try:
            while (due_s := self._await_next(agenda)) is not None:
                agenda.done()
                self._issue(due_s, agenda.stage)
            self._end_s = min(self._end_s, perf_counter())
            self._producer.end(self._end_s)
            self._flights.join()
        except GreenletExit:
            self._give_up(agenda)
            raise
        finally:
            self._hold.end(perf_counter())
            self._stopping.unlink(self._end)
            self._stages.leave(self._bell)

    def _await_next(self, agenda: Agenda) -> float | None:
        """Wait until a push is due; None when the end comes before."""
        due_s = agenda.next_due()
        if due_s is not None and due_s <= perf_counter():
            gevent.sleep(0)  # late: let the earlier pushes go out first
        while True:
            due_s, now_s = agenda.next_due(), perf_counter()
            if due_s is not None and due_s <= min(now_s, self._end_s):
                return due_s
            if self._stopping.is_set():
                return None
            self._bell.wait(None if due_s is None else due_s - now_s)
            self._bell.clear()

    def _issue(self, due_s: float, stage: Stage) -> None:
        """Send a push, or count it as what it is."""
        if self._hold.holds(due_s):
            self._recorder.held(due_s)
        elif len(self._flights) >= self._cap_of(stage) or self._is_too_late(due_s):
            self._recorder.missed(due_s)
        else:
            self._departing.append(due_s)
            self._flights.spawn(self._fly, due_s)

    def _cap_of(self, stage: Stage) -> int:
        """Worked out once for each stage: a push comes here every time it is due."""
        if stage is not self._capped:
            self._capped, self._most_in_flight = stage, self._cap(stage)
        return self._most_in_flight

    def _is_too_late(self, due_s: float) -> bool:
        """Whether the end, or a hold, has come and this push was due too long before to be let through.

        That it was not sent before is the generator's lateness, and none of the server's doing.
        """
        now_s = perf_counter()
        stopped = self._stopping.is_set() or now_s < self._hold.held_until
        return stopped and now_s - due_s > WAKE_UP_S

    def _end(self, _: Event) -> None:
        self._end_s = perf_counter()
        self._bell.set()

    def _fly(self, due_s: float) -> None:
        self._departing.popleft()  # flights depart in the order in which they were spawned
        sender = self._idle.pop() if self._idle else self._new_sender()
        attempt = self._producer.push(sender, due_s)
        self._idle.append(sender)
        if attempt.outcome.code:
            self._hold.obey(attempt)

    def _give_up(self, agenda: Agenda) -> None:
        """This loop is being killed: what is under way is cut off, what was due and is not sent is missed."""
        self._end_s = min(self._end_s, perf_counter())
        self._producer.end(self._end_s)
        for due_s in (*self._departing, *agenda.overdue(self._end_s)):
            self._recorder.missed(due_s)
        self._flights.kill()  # those that have not departed never will
