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

from loadtests.load.producer import Producer, Sender
from loadtests.load.recorder import Attempt, Recorder

MAX_PAUSE_S = 5.0  # longest Retry-After that is obeyed in full
FAILURE_PAUSE_S = 0.1  # least pause: a server that fails at once must not make the generator spin


class Loop(Protocol):
    """Work of one user, which goes on until its `stopping` event is set."""

    def run(self) -> None:
        """Work until told to stop, then finish what was begun."""
        ...


class ClosedLoop:
    """The next push right after the answer; after a failure a pause of `FAILURE_PAUSE_S`.

    A longer Retry-After of a 429 or 503 is obeyed, at most for `MAX_PAUSE_S`.
    """

    def __init__(self, producer: Producer, sender: Sender, recorder: Recorder, stopping: Event) -> None:
        self._producer = producer
        self._sender = sender
        self._recorder = recorder
        self._stopping = stopping

    def run(self) -> None:
        """Push until told to stop."""
        push, sender, stopping = self._producer.push, self._sender, self._stopping
        while not stopping.is_set():
            attempt = push(sender, perf_counter())
            if attempt.outcome.code:
                self._pause(attempt)

    def _pause(self, attempt: Attempt) -> None:
        if attempt.retry_after_s is not None and attempt.outcome.status in (429, 503):
            self._recorder.paused(attempt.done_at)
            self._stopping.wait(min(max(attempt.retry_after_s, FAILURE_PAUSE_S), MAX_PAUSE_S))
            self._recorder.resumed(attempt.done_at, perf_counter() - attempt.done_at)
        else:
            self._stopping.wait(FAILURE_PAUSE_S)


class OpenLoop:
    """Pushes go out when they are due, however late the earlier answers are, each in its own greenlet.

    `due_times` are seconds after `start_time()` (perf_counter), asked for when the loop begins. At most
    `cap` pushes are unanswered; what is due beyond that is counted as missed.
    """

    def __init__(
        self,
        producer: Producer,
        new_sender: Callable[[], Sender],
        recorder: Recorder,
        stopping: Event,
        *,
        due_times: Iterator[float],
        start_time: Callable[[], float],
        cap: int,
    ) -> None:
        self._producer = producer
        self._new_sender = new_sender
        self._recorder = recorder
        self._stopping = stopping
        self._due_times = due_times
        self._start_time = start_time
        self._cap = cap
        self._idle: list[Sender] = []
        self._flights = Group()

    def run(self) -> None:
        """Keep the schedule until told to stop, then wait for the last answers."""
        start_s = self._start_time()
        try:
            for due in self._due_times:
                due_s = start_s + due
                if self._wait_until(due_s):
                    break
                if len(self._flights) >= self._cap:
                    self._recorder.missed(due_s)
                else:
                    self._flights.spawn(self._fly, due_s)
            self._flights.join()
        except GreenletExit:
            self._flights.kill()
            raise

    def _wait_until(self, due_s: float) -> bool:
        """Wait for the due time; True when the run ends before it."""
        if due_s <= perf_counter():
            gevent.sleep(0)  # late: let the earlier pushes go out first
        while (ahead_s := due_s - perf_counter()) > 0:
            if self._stopping.wait(ahead_s):
                return True
        return bool(self._stopping.is_set())

    def _fly(self, due_s: float) -> None:
        sender = self._idle.pop() if self._idle else self._new_sender()
        self._producer.push(sender, due_s)
        self._idle.append(sender)
