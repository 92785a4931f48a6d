"""In which window each event of a run counts, in one process.

A request belongs to the window in which it was due (closed loop: sent), whenever its answer comes; so
`sent = ok + not_done + unknown` holds and a stall at the end of a window is not lost. Throughput is the
exception: messages count when their acknowledgement arrived within the window.

A latency is one of a push that was acknowledged (2xx, no message refused), so there are `ok` of them: an
instant 503 is no fast answer, and what is refused or unanswered is counted in a place of its own.

The schedule lag is the generator's own lateness: from the intended time of a push until the producer turned
to it, whatever became of it then. To open a connection is not lag, and not service: response time has it.

All times are seconds of `perf_counter`, which on Linux is CLOCK_MONOTONIC.
"""

from collections import Counter
from collections.abc import Callable

from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.outcome import ALL_QUEUED, Fate
from loadtests.load.measuring.tally import FullTally, SmallTally
from loadtests.load.measuring.window import Window, on_tick

WARM_UP = 0  # number of the window that opens with the run


class Counting:
    """The windows of a run, one after the other. The first is the warm-up, a window like others."""

    def __init__(self, clock: Callable[[], float], *, open_loop: bool) -> None:
        self._clock = clock
        self._open_loop = open_loop
        self._windows = [Window(WARM_UP, on_tick(clock()), open_loop=open_loop)]
        self._now = self._windows[0].now  # the step in which nearly everything is counted

    @property
    def window(self) -> int:
        """Number of the latest window."""
        return self._windows[-1].number

    def open_window(self) -> int:
        """Measure from now on in a new window, and end the one before; returns its number, from 1."""
        start_s = on_tick(self._clock())
        self._windows[-1].close(start_s)
        self._windows.append(Window(self.window + 1, start_s, open_loop=self._open_loop))
        self._now = self._windows[-1].now
        return self.window

    def close_window(self) -> None:
        """Stop measuring; what was due before is still counted when its answer comes. Once only."""
        self._windows[-1].close(self._clock())

    def count_push(self, messages: int, due_s: float, attempt: Attempt) -> None:
        """A push of so many messages, due at `due_s`, came to an end."""
        if attempt.outcome is ALL_QUEUED:  # nearly always; a sweep comes here 20,000 times a second
            step, done_s = self._now, attempt.done_at
            if step.start_s <= done_s < step.end_s:
                step.acknowledged += messages
            else:
                self._acknowledge(messages, done_s)
                step = self._now
            if step.start_s <= due_s < step.end_s:
                step.ok += 1
                step.service.record(done_s - attempt.sent_at)
                if self._open_loop:
                    step.response.record(done_s - due_s)
                    step.lag.record(attempt.begun_at - due_s)
                return
        else:
            self._count_fates(messages, attempt)
        self._settle(due_s, attempt)

    def missed(self, due_s: float) -> None:
        """A push was due, but the producer's in-flight cap was reached."""
        for tally in self._tallies(due_s):
            tally.missed += 1

    def held(self, due_s: float) -> None:
        """A push was due while its producer obeyed a Retry-After, so it is not sent."""
        for tally in self._tallies(due_s):
            tally.held += 1

    def paused(self, at_s: float) -> None:
        """A producer obeys a Retry-After from now on."""
        if (window := self._window_of(at_s)) is not None:
            window.pauses += 1

    def resumed(self, at_s: float, held_s: float) -> None:
        """The producer that obeyed one at `at_s` did so for `held_s`."""
        if (window := self._window_of(at_s)) is not None:
            window.held.record(held_s)

    def popped(self, messages: int, done_s: float) -> None:
        """A consumer has acknowledged messages."""
        if (window := self._window_of(done_s)) is not None:
            window.popped += messages

    def received(self, at_s: float, end_to_end_s: float) -> None:
        """A message came to a consumer that long after its push was due."""
        if (window := self._window_of(at_s)) is not None:
            window.end_to_end.record(end_to_end_s)

    def _window_of(self, time_s: float) -> Window | None:
        for window in reversed(self._windows):
            if window.covers(time_s):
                return window
        return None

    def _tallies(self, time_s: float) -> tuple[FullTally | SmallTally, ...]:
        """Where to count what belongs to an instant; nowhere if no window covers it."""
        window = self._window_of(time_s)
        if window is None:
            return ()
        tallies = window.tallies_at(time_s)
        self._now = self._windows[-1].now
        return tallies

    def _acknowledge(self, messages: int, done_s: float) -> None:
        for tally in self._tallies(done_s):
            tally.acknowledged += messages

    def _settle(self, due_s: float, attempt: Attempt) -> None:
        """Count a push that failed, or that was due before the step that it is now."""
        outcome = attempt.outcome
        tallies = self._tallies(due_s)
        for tally in tallies:
            if outcome.acknowledged:
                tally.ok += 1
                tally.service.record(attempt.done_at - attempt.sent_at)
                if self._open_loop:
                    tally.response.record(attempt.done_at - due_s)
            else:
                tally.fail(outcome)
            if self._open_loop:
                tally.lag.record(attempt.begun_at - due_s)
        if tallies and not outcome.acknowledged and (window := self._window_of(due_s)) is not None:
            window.fail(outcome)

    def _count_fates(self, messages: int, attempt: Attempt) -> None:
        fates = attempt.outcome.fates
        counted = Counter(fates if len(fates) > 1 else fates * messages)
        if counted[Fate.ACKNOWLEDGED]:
            self._acknowledge(counted[Fate.ACKNOWLEDGED], attempt.done_at)
        if counted[Fate.DUPLICATE] and (window := self._window_of(attempt.done_at)) is not None:
            window.duplicates += counted[Fate.DUPLICATE]
